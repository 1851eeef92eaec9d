"""Plots and logs under the names of the first script."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import numpy as np
import pytest

from tests.unit.trainers.tabular.results import model_results
from trainers.common.errors import BadInput
from trainers.tabular.results.seed_files import Logs, comparison, write_plots

COLUMNS = {"IN_mu": np.arange(20.0), "MO_Omega": np.ones(20)}


def logs(folder: Path) -> Logs:
    """Return logs whose clock stands."""
    return Logs(folder, "20261126_200000", lambda: datetime(2026, 11, 26, 20, 1, 2))


def test_plots_have_the_names_of_the_seed_and_none_is_empty(tmp_path: Path) -> None:
    results = [model_results.result("tabular_transformer", members=1)]
    paths = write_plots(tmp_path, "20261126_200000", COLUMNS, results)
    own = [path.name for path in paths if "target2" not in path.name]
    assert own == [
        "hist_dataset.png",
        "losses_transformer_tabular.png",
        "transformer_tabular_true_vs_pred_train.png",
        "transformer_tabular_hist_true_vs_pred_train.png",
        "transformer_tabular_true_vs_pred_validation.png",
        "transformer_tabular_hist_true_vs_pred_validation.png",
    ]
    assert "transformer_tabular_target2_true_vs_pred_train.png" in {path.name for path in paths}
    assert {path.parent for path in paths} == {tmp_path / "plots" / "run_20261126_200000"}
    assert all(path.stat().st_size > 3000 for path in paths)


def test_classes_have_plots_under_the_same_names(tmp_path: Path) -> None:
    paths = write_plots(tmp_path, "t", COLUMNS, [model_results.result("mlp", kind="multiclass")])
    assert "mlp_hist_true_vs_pred_validation.png" in {path.name for path in paths}


def test_the_line_of_an_epoch_is_that_of_the_seed_in_both_logs(tmp_path: Path) -> None:
    record = {"epoch": 9, "train_loss": 0.781095, "val_loss": 0.775903, "rate": 1e-4}
    logs(tmp_path).epoch("mlp", 0, record)
    logs(tmp_path).epoch("tabular_transformer", 2, record)
    losses = "Train MSE = 0.781095 | Val MSE = 0.775903"
    line = f"2026-11-26 20:01:02 [info] {{}} | Epoch 0009 | {losses} | LR = 1.000000e-04"
    folder = tmp_path / "logs"
    both = (folder / "training_20261126_200000.log").read_text().splitlines()
    assert both == [line.format("MLP"), line.format("Transformer Tabular 3")]
    assert (folder / "mlp_20261126_200000.log").read_text().splitlines() == both[:1]
    assert (folder / "transformer_tabular_20261126_200000.log").read_text().splitlines() == both[1:]


def test_ten_training_and_three_validation_rows_are_compared(tmp_path: Path) -> None:
    result = model_results.result("mlp")
    lines = comparison(result, lambda values: 100 * values)
    train, val = (result.splits[name] for name in ("train", "val"))
    assert lines[0] == "mlp, train: true and predicted, normalised and not"
    assert len([line for line in lines if "=rate" in line]) == 13
    cells = next(line for line in lines if "=rate" in line).split()
    assert float(cells[2]) == pytest.approx(100 * train.truth[0, 1], rel=1e-5)
    assert float(cells[5]) == pytest.approx(train.mean[0, 1], rel=1e-5)
    assert f"{val.truth[2, 1]:.6g}" in lines[-1]
    logs(tmp_path).compared(result, lambda values: values)
    assert (tmp_path / "logs" / "mlp_20261126_200000.log").read_text().count("\n") == len(lines)
    assert comparison(model_results.result(kind="binary"), lambda values: values) == []


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "logs").write_text("")
    with pytest.raises(BadInput, match="logs: cannot write logs"):
        logs(tmp_path).said("something")
