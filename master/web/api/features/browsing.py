"""Pages of features: who scrolls asks for the same ones in the same order again and again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from master.web.api.asking import Wanted
from master.web.api.features.tables import FeatureTable, Found, in_order, page_of

_Key = tuple[Sequence[FeatureTable], Wanted]


class Browsing:
    """Remembers the last order, which takes a second for eight large tables.  Any thread may use it."""

    def __init__(self) -> None:
        # One value, so that no thread sees half of it.
        self._last: tuple[_Key, Found] | None = None

    def page(self, tables: Sequence[FeatureTable], wanted: Wanted) -> dict[str, Any]:
        """Return a page of the features of these tables with how many there are."""
        key = tables, wanted.model_copy(update={"offset": 0, "limit": 1})
        last = self._last
        if last is None or not _same(last[0], key):
            last = self._last = key, in_order(*key)
        return page_of(last[1], wanted)

    def forget(self) -> None:
        """Hold no table any more."""
        self._last = None


def _same(one: _Key, other: _Key) -> bool:
    # Tables are not compared by what is in them: that takes as long as to sort them.
    return one[1] == other[1] and list(map(id, one[0])) == list(map(id, other[0]))
