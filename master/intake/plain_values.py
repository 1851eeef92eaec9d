"""What the readers of JSON and of YAML agree on."""

from __future__ import annotations

from typing import Any

Trail = tuple[str | int, ...]
"""The way to a value in a document: keys and indices."""

MAX_DEPTH = 32


class Duplicated(dict[str, Any]):
    """An object in which `key` is given twice."""

    def __init__(self, members: dict[str, Any], key: str) -> None:
        super().__init__(members)
        self.key = key
