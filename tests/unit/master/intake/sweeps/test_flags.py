from __future__ import annotations

from pathlib import Path

import pytest

from master.errors import ConfigError
from master.intake.jobs import read_jobs
from master.intake.sweeps.flags import (
    SweepFlags,
    given_jobs,
    named_distribution,
    named_value,
    named_values,
    together,
)


def test_flags_are_read() -> None:
    assert named_values("lr=1e-3,1e-4") == ("lr", [0.001, 0.0001])
    assert named_value("name=a,b") == ("name", "a,b")
    assert named_value("x=a=b") == ("x", "a=b")
    assert named_distribution("lr=log_uniform:1e-5,1e-2") == ("lr", {"log_uniform": [1e-05, 0.01]})
    assert together("model=large,batch=64,128") == {"model": ["large"], "batch": [64, 128]}


@pytest.mark.parametrize("text", ["lr", "=1", " =1"])
def test_a_flag_without_a_name_is_told(text: str) -> None:
    with pytest.raises(ValueError, match="has no name"):
        named_values(text)


def test_what_is_no_distribution_is_told() -> None:
    with pytest.raises(ValueError, match="distributions are uniform, log_uniform"):
        named_distribution("lr=1e-3")
    with pytest.raises(ValueError, match="is not like"):
        together("large")


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
