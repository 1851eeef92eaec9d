"""Reports are made of the folders of models, and so can be made anew; pictures and logs have known names."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.unit.trainers.tabular.test_run import quiet, request
from trainers.tabular.data.loading import load
from trainers.tabular.run import train
from trainers.tabular.running.reporting import METRICS, report_of, result_of
from trainers.tabular.running.source import source_of


def test_a_report_can_be_made_anew(tmp_path: Path) -> None:
    made = request(tmp_path, {"models": ["mlp", "trees"]})
    first = train(made, quiet)
    written = [made.output_dir / name for name in (METRICS, "report.txt", "report.csv")]
    before = [path.read_bytes() for path in written]
    for path in written:
        path.unlink()
    assert report_of(made, load(source_of(made)), quiet, "now") == first
    assert [path.read_bytes() for path in written] == before
    metrics = json.loads(before[0])
    assert metrics["mlp_rmse"] == first["models"]["mlp"]["rmse"] and metrics["mlp_epochs"] == 2


def test_a_result_has_the_rows_of_all_parts_and_its_calibration(tmp_path: Path) -> None:
    made = request(tmp_path, {"models": ["mlp", "trees"], "folds": 2, "seeds": [0, 1]})
    train(made, quiet)
    for name, parameters in (("mlp", True), ("trees", False)):
        found = result_of(name, made, load(source_of(made)))
        shapes = {part: one.predicted.shape[:2] for part, one in found.splits.items()}
        assert shapes == {"train": (2, 51), "val": (2, 102), "test": (4, 18)}
        assert found.calibration.conformal is not None and (found.parameters is not None) == parameters
        assert len(found.histories) == (4 if parameters else 0)


@pytest.mark.slow
def test_pictures_and_logs_have_the_names_of_the_first_train_pmssm(tmp_path: Path) -> None:
    train(request(tmp_path, {"test_share": 0.0}, plots=True), quiet)
    pictures = sorted(path.name for path in (tmp_path / "out" / "plots").glob("run_*/*.png"))
    assert pictures == [
        "hist_dataset.png",
        "losses_mlp.png",
        *(f"mlp_hist_true_vs_pred_{part}.png" for part in ("train", "validation")),
        *(f"mlp_true_vs_pred_{part}.png" for part in ("train", "validation")),
    ]
    for log in (tmp_path / "out" / "logs").glob("*.log"):
        text = log.read_text()
        assert "[info] MLP | Epoch 0002 | Train MSE = " in text and "true and predicted" in text
    assert len(list((tmp_path / "out" / "logs").glob("*.log"))) == 2
