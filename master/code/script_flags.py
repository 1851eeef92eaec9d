"""Which flags the text of one training script declares."""

from __future__ import annotations

from master.code.declarations.reading import flags_in
from master.code.declarations.text import parsed
from master.core.flags.declared import ScriptFlags


def flags_of(source: str) -> frozenset[str]:
    """Return the long flags that a script declares (by argparse, click or typer), without their dashes.

    Names stay as they are declared (`batch-size` and `batch_size` differ).  Raises SyntaxError where the text
    is not Python.
    """
    return long_names(flags_in("the script", [parsed(source)]))


def long_names(script: ScriptFlags) -> frozenset[str]:
    """Return the long flags that a script takes, without their dashes."""
    found = script.by_name.values()
    return frozenset(flag.spelling[2:] for flag in found if flag.spelling.startswith("--"))
