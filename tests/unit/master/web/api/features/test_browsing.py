"""Pages of features."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from master.web.api.asking import Wanted
from master.web.api.features import browsing as module
from master.web.api.features.browsing import Browsing
from master.web.api.features.tables import FeatureTable, Found, in_order


def table(layer: int = 6) -> FeatureTable:
    return FeatureTable(layer, [0.1, 0.2], [1.0, 2.0], [[1.0], [1.0]], [["The"], ["dog"]])


@pytest.fixture
def sorted_for(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the searches for which features were sorted."""
    found: list[str] = []

    def counted(tables: Sequence[FeatureTable], wanted: Wanted) -> Found:
        found.append(wanted.search)
        return in_order(tables, wanted)

    monkeypatch.setattr(module, "in_order", counted)
    return found


def test_all_pages_of_an_order_are_sorted_for_once(sorted_for: list[str]) -> None:
    browsing, tables = Browsing(), [table()]
    pages = [browsing.page(list(tables), Wanted(offset=offset, limit=1)) for offset in range(3)]
    found = [each["id"] for page in pages for each in page["features"]]
    assert found == ["layer_6_feature_1", "layer_6_feature_0"]
    assert [page["hasMore"] for page in pages] == [True, False, False] and sorted_for == [""]


def test_other_words_other_tables_and_what_is_forgotten_are_sorted_for_anew(sorted_for: list[str]) -> None:
    browsing, known = Browsing(), table()
    assert browsing.page([known], Wanted(search="dog"))["total"] == 1
    assert browsing.page([known], Wanted())["total"] == 2
    assert browsing.page([table()], Wanted())["total"] == 2
    assert browsing.page([known, table(7)], Wanted())["total"] == 4
    browsing.forget()
    assert browsing.page([known, table(7)], Wanted())["total"] == 4
    assert sorted_for == ["dog", "", "", "", ""]
