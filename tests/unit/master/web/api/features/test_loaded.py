"""Which trainings are loaded."""

from __future__ import annotations

from pathlib import Path

import pytest

from master.web.api.errors import Wrong, no_training
from master.web.api.features import loaded as module
from master.web.api.features.loaded import Loaded
from master.web.api.features.tables import FeatureTable


def read(job_id: str, layer: int) -> FeatureTable:
    if job_id == "bad":
        raise no_training(job_id)
    return FeatureTable(layer, [0.5], [1.0], [[]], [[]])


@pytest.fixture
def loaded(tmp_path: Path) -> Loaded:
    return Loaded(tmp_path / "loaded.json", read)


def test_one_for_each_layer_the_last_one_counts(loaded: Loaded) -> None:
    assert loaded.tables() == []
    for job_id, layer in (("a", 6), ("b", 2), ("c", 6)):
        loaded.load(job_id, layer)
    assert loaded.by_layer == {6: "c", 2: "b"}
    assert [table.layer for table in loaded.tables()] == [2, 6]


def test_it_outlives_the_server(loaded: Loaded, tmp_path: Path) -> None:
    loaded.load("a", 6)
    assert Loaded(tmp_path / "loaded.json", read).by_layer == {6: "a"}


@pytest.mark.parametrize("text", ["", "[]", '{"x": "a"}', "[" * 100_000])
def test_a_file_that_is_none_holds_nothing(text: str, tmp_path: Path) -> None:
    (tmp_path / "loaded.json").write_text(text)
    assert Loaded(tmp_path / "loaded.json", read).by_layer == {}


def test_what_cannot_be_read_is_not_loaded(loaded: Loaded) -> None:
    with pytest.raises(Wrong):
        loaded.load("bad", 6)
    assert loaded.by_layer == {} and loaded.held() == 0


def test_a_table_is_read_once(loaded: Loaded) -> None:
    loaded.load("a", 6)
    loaded.tables()
    assert (loaded.counts.hits, loaded.counts.misses, loaded.held()) == (1, 1, 1)
    loaded.clear()
    assert (loaded.counts.hits, loaded.held()) == (0, 0)
    assert len(loaded.tables()) == 1, "what is loaded stays so"


def test_so_many_are_held_and_no_more(loaded: Loaded, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_TABLES", 2)
    for layer in range(4):
        loaded.load("a", layer)
    assert loaded.held() == 2 and len(loaded.by_layer) == 4
