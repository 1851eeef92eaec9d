"""The probes of one layer: what is alike, what is left to train, and what is written of it."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.unit.trainers.probes.data import gaussian_classes, write_hdf5
from trainers.common.errors import BadInput
from trainers.probes.fitting.columns import Trainee
from trainers.probes.fitting.fused import SharedTraining
from trainers.probes.layer_runs import LayerRun
from trainers.probes.options import ProbeOptions
from trainers.probes.settings import Settings
from trainers.probes.work import LayerWork

Make = Callable[..., LayerWork]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    file = write_hdf5(tmp_path / "layer.h5", gaussian_classes())

    def work(stream: io.StringIO | None = None, path: Path = file, **settings: object) -> LayerWork:
        options = ProbeOptions(Settings(epochs=2, **settings), device="cpu")  # type: ignore[arg-type]
        run = LayerRun(path, "/", None, tmp_path / "out")
        return LayerWork(run, options, stream or io.StringIO(), lambda: None)

    return work


def train(work: LayerWork) -> None:
    trainee = work.start()
    assert trainee is not None
    for steps in SharedTraining([trainee]).run():
        work.took(steps[0].done, steps[0].total, steps[0].finished, 0.25)


def test_layers_are_of_one_kind_that_see_the_same_batches(make: Make, tmp_path: Path) -> None:
    other = write_hdf5(tmp_path / "other.h5", gaussian_classes())
    assert make().kind == make(lrs=(0.1,), patience=1).kind
    kinds = [make().kind, make(seed=1).kind, make(dropout=0.3).kind, make(path=other).kind]
    assert len({*kinds, make(solver="exact").kind, make(solver="exact").kind}) == 6


def test_what_is_finished_is_not_trained_again_and_time_adds_up(make: Make, tmp_path: Path) -> None:
    stream = io.StringIO()
    work = make(stream, lrs=(0.01,))
    train(work)
    assert work.end()["total_training_time_seconds"] >= 0.5
    assert {path.name for path in (tmp_path / "out").glob("probe_*")} == {
        f"probe_class_{number}.pth" for number in range(4)
    }
    (tmp_path / "out" / "metrics_class_2.json").unlink()
    again = make(stream, lrs=(0.01,))
    trainee = again.start()
    assert isinstance(trainee, Trainee) and trainee.probes == [2]
    assert "3 finished probes found" in stream.getvalue()
    told = json.loads((tmp_path / "out" / "aggregate_metrics.json").read_text())
    assert len(told["per_action_metrics"]) == 4 and told["executor"] == "fused"


def test_results_of_other_settings_are_refused_before_anything_is_loaded(make: Make) -> None:
    train(make(lrs=(0.01,)))
    with pytest.raises(BadInput, match="holds results of other settings: lrs"):
        make(lrs=(0.02,))
