"""A log that goes on, made harmless for a terminal piece by piece."""

from __future__ import annotations

import codecs
import re

from master.core.harmless import COLOURS, ESCAPES

_UNFINISHED = re.compile(r"\x1b(?:\[[0-?]*[ -/]*|\][^\x07\x1b]*\x1b?)?\Z|\r+\Z")
_ENDS = re.compile(r"\r+\n")
_LONGEST = 256
"""Characters of an escape sequence that are waited for."""
_KEPT = frozenset(map(ord, "\n\t\r"))
REWRITE = "\r\x1b[K"
"""Back to the beginning of the line, which is emptied."""


class _Harmless(dict[int, int | None]):
    """What a terminal may be shown for each character, found out once."""

    def __missing__(self, code: int) -> int | None:
        self[code] = found = code if code in _KEPT or chr(code).isprintable() else None
        return found


_HARMLESS = _Harmless()


class HarmlessStream:
    """Bytes go in as they were written; text comes out that a terminal may be given."""

    def __init__(self, rewrite: str = REWRITE, *, colours: bool = False) -> None:
        """`rewrite` stands for a carriage return over its line; `colours` are kept if asked."""
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._rewrite, self._held, self._colours = rewrite, "", colours

    def feed(self, data: bytes) -> str:
        """Return what can be shown now: without escape sequences and control characters."""
        text = self._held + self._decoder.decode(data)
        self._held = _held(text)
        return self._shown(text[: len(text) - len(self._held)])

    def end(self) -> str:
        """Return what was held back."""
        text, self._held = self._held + self._decoder.decode(b"", final=True), ""
        return self._shown(text.rstrip("\r"))

    def _shown(self, text: str) -> str:
        if not self._colours:
            return self._harmless(text)
        parts = COLOURS.split(text)
        return "".join(part if number % 2 else self._harmless(part) for number, part in enumerate(parts))

    def _harmless(self, text: str) -> str:
        plain = _ENDS.sub("\n", ESCAPES.sub("", text))
        return plain.translate(_HARMLESS).replace("\r", self._rewrite)


def _held(text: str) -> str:
    """Return the end of a text that what follows may change: half an escape, half an end of a line."""
    found = _UNFINISHED.search(text, max(0, len(text) - _LONGEST))
    return found[0] if found else ""
