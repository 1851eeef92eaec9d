"""Trees of a run: predictions of each seed and fold are kept; damaged ones are told."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.trainers.tabular.test_run import request
from trainers.common.errors import BadInput
from trainers.tabular.data.loading import load
from trainers.tabular.running.boosting import PREDICTIONS, fit_trees, read_predictions
from trainers.tabular.running.claims import is_done
from trainers.tabular.running.source import source_of


@pytest.mark.parametrize(("name", "seeds", "said"), [("trees", 2, 0), ("trees_tuned", 1, 1)])
def test_each_seed_and_fold_has_its_trees(tmp_path: Path, name: str, seeds: int, said: int) -> None:
    made = request(tmp_path, {"seeds": [*range(seeds)], "folds": 2, "configurations": 1})
    loaded, lines = load(source_of(made)), []
    fit_trees(name, loaded, made, lines.append)
    found = read_predictions(made.output_dir / name)
    assert found.test.shape == (2 * seeds, 18, 1) and found.val.shape == (seeds, 102, 1)
    assert is_done(made.output_dir, name)
    assert lines == ["trees_tuned: 1 configurations on 2 splits"] * said


def test_damaged_predictions_are_told(tmp_path: Path) -> None:
    (tmp_path / PREDICTIONS).write_bytes(b"x")
    with pytest.raises(BadInput, match=r"predictions\.npz: missing or damaged .*; use --overwrite"):
        read_predictions(tmp_path)
