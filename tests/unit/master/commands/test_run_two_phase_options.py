"""The command line of `run_two_phase`: what may be left out."""

from __future__ import annotations

import pytest

from master.commands.run_two_phase_options import parse


def test_a_sweep_needs_no_file() -> None:
    options = parse(["--grid", "lr=1e-3,1e-4", "--grid", "seed=0..4"])
    assert (options.jobs_config, options.cluster_config) == (None, None)
    assert options.sweep.grid == [("lr", [0.001, 0.0001]), ("seed", [0, 1, 2, 3, 4])]


def test_without_jobs_it_says_how_to_give_some(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse(["--script-path", "train.py"])
    assert "give --jobs-config, or a sweep such as --grid lr=1e-3,1e-4" in capsys.readouterr().err
