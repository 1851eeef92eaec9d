"""Categories as numbers: those of the training rows from 1 on, 0 for what is missing or was never seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from trainers.tabular.data.dataset import UNKNOWN
from trainers.tabular.data.reading.files import as_texts

_TRUTHS = (("true", "True", "TRUE"), ("false", "False", "FALSE"))
"""As text files have them; booleans of other formats are `True` and `False`."""


@dataclass(frozen=True)
class Vocabulary:
    """The categories of each categorical column, in the order of their numbers, the first of which is 1."""

    categories: Mapping[str, tuple[str, ...]]

    @classmethod
    def fit(cls, columns: Mapping[str, np.ndarray]) -> Vocabulary:
        """Return the categories of training rows: whole numbers by their size, texts by the alphabet."""
        return cls({name: _ordered(as_texts(values)) for name, values in columns.items()})

    @property
    def cardinalities(self) -> tuple[int, ...]:
        """Return how many numbers each column has, that of the unknown among them."""
        return tuple(len(names) + 1 for names in self.categories.values())

    def numbers(self, columns: Mapping[str, np.ndarray], n_rows: int) -> tuple[np.ndarray, dict[str, int]]:
        """Return [N, C] int64 numbers, and of each column how many values are there but were never seen."""
        found = np.zeros((n_rows, len(self.categories)), dtype=np.int64)
        unseen: dict[str, int] = {}
        for place, (name, names) in enumerate(self.categories.items()):
            number = _numbered(names)
            texts = as_texts(columns[name])
            found[:, place] = [number.get(text, UNKNOWN) for text in texts]
            missing = sum(text is None for text in texts)
            if count := int((found[:, place] == UNKNOWN).sum()) - missing:
                unseen[name] = count
        return found, unseen

    def to_json(self) -> dict[str, Any]:
        """Return the vocabulary as JSON types."""
        return {name: list(names) for name, names in self.categories.items()}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Vocabulary:
        """Return what `to_json` described."""
        return cls({name: tuple(names) for name, names in value.items()})


def _numbered(names: Sequence[str]) -> dict[str, int]:
    """Return the number of each category; true and false by every spelling, of which a table has one."""
    number = {category: index + 1 for index, category in enumerate(names)}
    for spellings in _TRUTHS:
        known = [one for one in spellings if one in number]
        if len(known) == 1:
            number |= dict.fromkeys(spellings, number[known[0]])
    return number


def _ordered(texts: np.ndarray) -> tuple[str, ...]:
    return tuple(sorted({text for text in texts if text is not None}, key=sort_key))


def sort_key(text: str) -> tuple[int, float, str]:
    """Return what sorts numbers by their size, and before words."""
    try:
        return (0, float(text), text)
    except ValueError:
        return (1, 0.0, text)
