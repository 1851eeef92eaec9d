"""Fields as flags where nothing is known but their names."""

from __future__ import annotations

import json
import re
from typing import Any

from master.core.flags.declared import Style
from worker_agent.protocol.script_contract import flags

_PLAIN = re.compile(r"[A-Za-z_/][A-Za-z0-9_/.@%+-]*")
"""Text that Hydra reads as text without quotation marks."""
_WORDS = frozenset({"true", "false", "null", "nan", "inf"})


def undeclared(name: str, value: Any, style: Style) -> list[str]:
    """Return the words for a field that a script may take, in a style."""
    if style is Style.SEPARATE:
        return flags({name: value})
    if value is None:
        return []
    if style is Style.JOINED:
        return [f"--{name}={value if isinstance(value, str) else json.dumps(value)}"]
    return [f"{name}={hydra_value(value)}"]


def is_dropped(value: Any, style: Style) -> bool:
    """Tell whether a value leaves no trace in what a script is told."""
    return value is False and style is Style.SEPARATE


def hydra_value(value: Any) -> str:
    """Return a value in the grammar of Hydra's overrides."""
    if isinstance(value, (list, tuple)):
        return f"[{','.join(map(hydra_value, value))}]"
    if not isinstance(value, str):
        return json.dumps(value)
    return value if _PLAIN.fullmatch(value) and value.lower() not in _WORDS else _quoted(value)


def _quoted(text: str) -> str:
    """Return text in quotation marks, in which only a mark and the backslashes before one are escaped."""
    escaped = re.sub(r"(\\*)'", lambda found: found[1] * 2 + r"\'", text)
    ending = len(escaped) - len(escaped.rstrip("\\"))
    return f"'{escaped}{chr(92) * ending}'"
