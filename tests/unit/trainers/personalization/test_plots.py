"""Curves as files, where something can draw them."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from trainers.personalization import files
from trainers.personalization.plots import write_plots

CURVES: dict[str, list[float]] = {
    f"{stage}_{split}_{quantity}": [0.5, 0.6]
    for stage in ("base", "target")
    for split in ("train", "val")
    for quantity in ("loss", "f1")
}


def test_without_something_that_draws_it_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    write_plots(tmp_path, CURVES, "p1", {})
    assert capsys.readouterr().err == "no plots: matplotlib is not installed here\n"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("stage", ["base", "target", ""])
def test_both_plots_are_pictures_also_where_a_stage_was_left_out(tmp_path: Path, stage: str) -> None:
    pytest.importorskip("matplotlib")
    curves = {name: [] if stage and name.startswith(stage) else values for name, values in CURVES.items()}
    write_plots(tmp_path, curves, "p1", {"test": 0.7})
    for name in (files.LOSS_PLOT, files.F1_PLOT):
        assert (tmp_path / name).read_bytes().startswith(b"\x89PNG")
