from __future__ import annotations

from pathlib import Path

import pytest

from master.errors import ConfigError
from master.intake.jobs import read_jobs
from master.intake.sweeps.flags import given_jobs
from master.intake.sweeps.words import SweepFlags


def test_jobs_need_no_file() -> None:
    flags = SweepFlags(grid=[("lr", [0.1, 0.2])], set_to=[("epochs", 5)], exclude=[{"lr": [0.2]}])
    spec = read_jobs(given_jobs(None, flags), code="x")
    assert [dict(job.config) for job in spec.jobs] == [{"lr": 0.1, "epochs": 5}]
    assert spec.source == "command line"
    assert len(read_jobs(given_jobs(None, SweepFlags(set_to=[("epochs", 5)])), code="x").jobs) == 1


def test_errors_of_flags_name_no_line() -> None:
    flags = SweepFlags(sample=[("lr", {"uniform": [2, 1]})], draws=3)
    with pytest.raises(ConfigError) as caught:
        read_jobs(given_jobs(None, flags), code="x")
    assert str(caught.value).startswith("command line: sample.fields.lr.uniform: `uniform` has the bounds")


def test_flags_lie_over_a_file_and_its_settings_hold(tmp_path: Path) -> None:
    path = tmp_path / "jobs.yaml"
    path.write_text("base_model: false\njobs:\n- {lr: 1}\n- {lr: 2}\n")
    spec = read_jobs(given_jobs(path, SweepFlags(grid=[("seed", [0, 1, 2])])), code="x")
    assert (len(spec.jobs), len(spec.base_models), spec.source) == (6, 0, str(path))


def test_a_file_may_leave_its_jobs_to_the_flags(tmp_path: Path) -> None:
    path = tmp_path / "jobs.json"
    path.write_text('{"base_model": {"include": ["seed"]}, "defaults": {"epochs": 3}}')
    flags = SweepFlags(grid=[("lr", [0.1, 0.01]), ("seed", [0, 1])])
    spec = read_jobs(given_jobs(path, flags), code="x")
    assert (len(spec.jobs), len(spec.base_models)) == (4, 2)
    assert spec.jobs[0].config == {"epochs": 3, "lr": 0.1, "seed": 0}
    with pytest.raises(ConfigError, match="there are no jobs: give `jobs`"):
        read_jobs(given_jobs(path, SweepFlags()), code="x")


def test_a_wrong_flag_over_a_file_without_jobs_is_told(tmp_path: Path) -> None:
    path = tmp_path / "jobs.yaml"
    path.write_text("base_model:\n  include: [lr]\n")
    with pytest.raises(ConfigError, match="`a b` is not a field's name"):
        read_jobs(given_jobs(path, SweepFlags(grid=[("a b", [1, 2]), ("lr", [1])])), code="x")
