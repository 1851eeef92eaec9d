"""A job over layers: what is checked before anything is trained, and what is written at its end."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from tests.unit.trainers.probes.data import gaussian_classes, write_hdf5
from trainers.common.errors import BadInput
from trainers.probes.layer_runs import LayerRun
from trainers.probes.options import ProbeOptions
from trainers.probes.run import Run, train_layers
from trainers.probes.settings import Settings


def job(root: Path, *layers: str, stream: io.StringIO | None = None) -> Run:
    options = ProbeOptions(Settings(epochs=1, lrs=(0.01,), solver="exact", max_iter=3), device="cpu")
    runs = [LayerRun(root / f"{one}.h5", "/", one, root / "out" / f"layer_{one}") for one in layers]
    return train_layers(runs, options, stream or io.StringIO(), lambda: None)


def test_each_layer_is_handed_out_and_told_of_in_turn(tmp_path: Path) -> None:
    stream = io.StringIO()
    for layer in (1, 2):
        write_hdf5(tmp_path / f"{layer}.h5", gaussian_classes(layer))
    for count, work in enumerate(job(tmp_path, "1", "2", stream=stream), 1):
        assert work.start() is None, "the exact solver needs nobody"
        assert stream.getvalue().count(" → ") == count
    summary = json.loads((tmp_path / "out" / "training_summary.json").read_text())
    assert (summary["total_layers"], summary["total_probes"]) == (2, 8)


def test_nothing_is_written_where_a_later_layer_is_wrong(tmp_path: Path) -> None:
    write_hdf5(tmp_path / "1.h5", gaussian_classes())
    with pytest.raises(BadInput, match="2\\.h5"):
        next(job(tmp_path, "1", "2"))
    assert not (tmp_path / "out").exists()
