"""The head node's side of transfers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from master.storage.base_model_store import BaseModelStore
from master.storage.checkpoint_store import CheckpointStore, kept_checkpoints
from master.storage.library import Library
from master.storage.run_layout import RunLayout
from master.transfers.home import Home


def test_checkpoints_are_dropped_where_they_are_kept(tmp_path: Path) -> None:
    layout = RunLayout(tmp_path)
    store = CheckpointStore(layout)
    (tmp_path / "staged").mkdir()
    store.add("a", 1, "c" * 64, tmp_path / "staged")
    home = Home(layout, BaseModelStore(layout), Library(), lambda spec_hash: {}, store)
    replace(home, checkpoints=None).drop_checkpoints("a")
    assert [kept.job_id for kept in kept_checkpoints(layout)] == ["a"]
    home.drop_checkpoints("a")
    assert list(kept_checkpoints(layout)) == []


def test_nothing_is_known_of_a_result_unless_somebody_tells(tmp_path: Path) -> None:
    layout = RunLayout(tmp_path)
    home = Home(layout, BaseModelStore(layout), Library(), lambda spec_hash: {})
    assert home.describe("a", 1).code is None
