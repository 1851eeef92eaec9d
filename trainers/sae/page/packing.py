"""The features as a page holds them: numbers in a row, each text once, compressed, in base64."""

from __future__ import annotations

import base64
import gzip
import json
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from sys import byteorder
from typing import Any

from trainers.common.errors import BadInput, TrainerError

LONGEST = 400
"""Characters of a text that are shown."""
NEEDED = ("id", "sparsity", "activation_strength", "top_strengths")
NONE = 0xFFFFFFFF
"""Stands for a place without an example or neighbour."""


@dataclass(frozen=True)
class Packed:
    """What the page's script reads."""

    numbers: str
    """float32 sparsity [L], strength [L]; uint32 neighbours [L, near]; float32 cosines; uint32 texts
    [L, top]; float32 strengths [L, top]; little-endian."""
    texts: str
    """JSON: [text before the token, token, text after it] each."""
    latents: int
    top: int
    near: int


def read_features(path: Path) -> dict[str, list[Any]]:
    """Return the columns of `features.parquet`; BadInput where there is none."""
    try:
        from pyarrow import ArrowException, parquet
    except ModuleNotFoundError as error:
        raise TrainerError("the page needs pyarrow: pip install 'twophase[parquet]'") from error
    try:
        columns: dict[str, list[Any]] = parquet.read_table(path).to_pydict()
    except (OSError, ArrowException) as error:
        raise BadInput(f"{path}: missing or not a Parquet file of features ({error})") from error
    missing = [name for name in NEEDED if name not in columns]
    if missing:
        raise BadInput(f"{path}: no column {', '.join(missing)}: train with --export features")
    return columns


def packed(columns: Mapping[str, Sequence[Any]]) -> Packed:
    """Return features as a page holds them."""
    strengths, near = columns["top_strengths"], columns.get("neighbours", [])
    top, beside = _longest(strengths), _longest(near)
    texts = _Texts(columns)
    shown = [texts.of(latent, count) for latent, count in enumerate(map(len, strengths))]
    numbers = b"".join(
        [
            _bytes("f", columns["sparsity"]),
            _bytes("f", columns["activation_strength"]),
            _bytes("I", _even(near, beside, NONE)),
            _bytes("f", _even(columns.get("neighbour_cosines", []), beside, 0.0)),
            _bytes("I", _even(shown, top, NONE)),
            _bytes("f", _even(strengths, top, 0.0)),
        ]
    )
    return Packed(_blob(numbers), _blob(json.dumps(texts.found).encode()), len(strengths), top, beside)


class _Texts:
    """Gives every text a number, equal ones the same."""

    def __init__(self, columns: Mapping[str, Sequence[Any]]) -> None:
        self._columns = columns
        self._numbers: dict[tuple[str, str, str], int] = {}

    @property
    def found(self) -> list[tuple[str, str, str]]:
        """All texts by their numbers."""
        return list(self._numbers)

    def of(self, latent: int, count: int) -> list[int]:
        """Return the numbers of a latent's texts."""
        return [self._number(self._text(latent, place)) for place in range(count)]

    def _number(self, text: tuple[str, str, str]) -> int:
        return self._numbers.setdefault(text, len(self._numbers))

    def _text(self, latent: int, place: int) -> tuple[str, str, str]:
        snippet, token = self._at("top_snippets", latent, place), self._at("top_token_texts", latent, place)
        start = self._at("top_starts", latent, place)
        if snippet is None:
            row, number = (self._at(name, latent, place) for name in ("top_examples", "top_tokens"))
            said = token if token is not None else "" if number is None else f"token {number}"
            return ("" if row is None else f"row {row} "), str(said), ""
        snippet = str(snippet)
        if not isinstance(start, int) or not 0 <= start <= len(snippet) or not token:
            return snippet[:LONGEST], "", ""
        return _cut(snippet, start, start + len(str(token)))

    def _at(self, name: str, latent: int, place: int) -> Any:
        row = self._columns[name][latent] if name in self._columns else None
        return None if row is None or place >= len(row) else row[place]


def _cut(text: str, start: int, end: int) -> tuple[str, str, str]:
    """Return a text around its token, with most of what is shown before it, where its meaning comes from."""
    before = text[max(0, start - LONGEST * 3 // 4) : start]
    return before, text[start:end][:LONGEST], text[end : end + LONGEST // 4]


def _longest(rows: Sequence[Sequence[Any]]) -> int:
    return max(map(len, rows), default=0)


def _even(rows: Sequence[Sequence[Any]], width: int, fill: float) -> list[Any]:
    return [value for row in rows for value in (*row, *[fill] * (width - len(row)))]


def _bytes(kind: str, values: Sequence[Any]) -> bytes:
    found = array(kind, values)
    if byteorder != "little":
        found.byteswap()
    return found.tobytes()


def _blob(content: bytes) -> str:
    return base64.b64encode(gzip.compress(content, mtime=0)).decode()
