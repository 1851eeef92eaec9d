"""Probes as they finish: files, lines and figures."""

from __future__ import annotations

import io
from pathlib import Path

import torch

from tests.unit.trainers.probes.data import gaussian_classes, layer_of
from trainers.probes.harvest import Harvest, Job
from trainers.probes.reading.labels import Targets
from trainers.probes.reading.layer import Trained, VariantResult
from trainers.probes.results.outputs import ResultDirectory
from trainers.probes.settings import Settings

SETTINGS = Settings(epochs=3)
NAMES = ["a", "b", "c", "d"]


def trained(probe: int, best_epoch: int) -> Trained:
    result = VariantResult(
        {"lr": 0.1, "weight_decay": 0.0}, 0.75 if best_epoch else float("nan"), best_epoch, 3
    )
    state = {"linear.weight": torch.ones(1, 8), "linear.bias": torch.zeros(1)}
    values = {name: [0.5, 0.75, 0.5] for name in ("train_loss", "val_loss", "val_auc", "val_accuracy")}
    return Trained(probe, state, result, [result], values)


def test_probes_are_written_and_counted_and_diverged_ones_told(tmp_path: Path) -> None:
    stream, layer = io.StringIO(), layer_of(gaussian_classes(), SETTINGS)
    targets = Targets(NAMES, layer.targets, {"d": "no positive in val"})
    tmp_path.joinpath("out").mkdir()
    harvest = Harvest(ResultDirectory(tmp_path / "out"), targets, SETTINGS, Job("5", None, stream))
    harvest.begin(layer, None)
    harvest.take(2, 3, [trained(1, 2)])
    harvest.take(3, 3, [trained(0, 1), trained(2, 0)])
    lines = stream.getvalue().splitlines()
    assert [line.split()[0] for line in lines] == ["[01/03]", "[02/03]", "✗"]
    assert "c" in lines[2] and "diverged" in lines[2]
    figures = harvest.figures()
    assert [one["action"] for one in figures["per_action_metrics"]] == ["a", "b"]
    assert [one["action"] for one in figures["not_scoreable"]] == ["d", "c"]
    assert figures["average_auc_roc"] is not None
    assert (tmp_path / "out" / "probe_b.pth").is_file()
