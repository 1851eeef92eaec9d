"""What an agent is told to run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from master.code.snapshot import Program
from master.core.flags.declared import Flag, ScriptFlags, Style, Takes
from master.core.planning.job_settings import JOB_SETTINGS, NOT_FOR_THE_SCRIPT
from master.core.planning.plan import Job
from master.core.planning.setting_kinds import KEPT
from master.core.running.records import JobRecord
from master.errors import ConfigError
from master.intake.jobs import parse_jobs
from master.intake.settings_check import check_job_settings
from master.runs.launching import (
    Limits,
    data_mounts,
    launch_message,
)
from master.runs.spec import Start, StoredBaseModel
from master.specs import DataDir, JobSpec, JobsSpec
from worker_agent.protocol import messages as msg

PROGRAM = Program(("{python}", "train.py"), Path("/code"), "c" * 64)
BASE = StoredBaseModel("b" * 64)


def launched(config: dict[str, Any], base: StoredBaseModel | None = None, **job: Any) -> msg.Launch:
    record = JobRecord(Job(**{"job_id": "alpha/job", "phase": 2, **job}))
    return launch_message(Start(record, 3, base=base), config, PROGRAM)


def jobs(*configs: dict[str, Any]) -> JobsSpec:
    specs = (JobSpec(f"alpha/{n}", f"h{n}", config, f"job {n}") for n, config in enumerate(configs, 1))
    return JobsSpec(tuple(specs), "search.json")


def test_fields_become_flags_behind_the_command() -> None:
    message = launched({"lr": 0.001, "fold": 0, "name": "a b; rm -rf ~", "offset": -1, "amp": True, "_x": 1})
    assert message.argv == [
        *("{python}", "train.py", "--lr", "0.001", "--fold", "0", "--name", "a b; rm -rf ~"),
        *("--offset=-1", "--amp"),
    ]
    assert (message.job_id, message.attempt, message.phase) == ("alpha/job", 3, 2)
    assert message.mounts == [msg.Mount("", artefact="c" * 64)]


def test_the_message_can_be_sent() -> None:
    message = launched({"timeout": 5, "participants": ["a", "b"]}, BASE, needs="s" * 32)
    assert msg.decode(msg.encode(message).rstrip()) == message


@pytest.mark.parametrize("name", sorted(NOT_FOR_THE_SCRIPT))
def test_settings_of_the_job_never_reach_the_script(name: str) -> None:
    assert launched({name: 5, "lr": 1}).argv == ["{python}", "train.py", "--lr", "1"]


def test_the_agent_chooses_the_device() -> None:
    assert launched({"device": "cuda:7"}).argv[2:] == ["--device", "{device}"]
    assert "--device" not in launched({}).argv


@pytest.mark.parametrize(
    ("asked", "told"),
    [(3, ["--device", "0"]), (0, ["--device", "0"]), ("3", ["--device", "{device}"]), (None, [])],
)
def test_a_number_is_that_of_the_job_s_own_gpu(asked: object, told: list[str]) -> None:
    assert launched({"device": asked}).argv[2:] == told


@pytest.mark.parametrize(("value", "told"), [(90, 90.0), ("15m", 900.0), (None, None)])
def test_limits_are_told_in_seconds(value: object, told: float | None) -> None:
    message = launched({"timeout": value, "stall_timeout": value})
    assert (message.timeout_s, message.stall_timeout_s) == (told, told)


def test_a_job_says_otherwise_than_the_run() -> None:
    limits = Limits(timeout_s=60.0, stall_timeout_s=5.0)
    start = Start(JobRecord(Job("alpha/job", 2)), 1)
    message = launch_message(start, {"timeout": "2m", "stall_timeout": None}, PROGRAM, limits)
    assert (message.timeout_s, message.stall_timeout_s) == (120.0, 5.0)


def test_an_experiment_is_told_both_names_of_its_base_model() -> None:
    message = launched({}, BASE, needs="s" * 32)
    assert (message.base_model_hash, message.base_model) == ("s" * 32, "b" * 64)
    assert len(message.mounts) == 1


def test_a_base_model_is_shown_where_its_script_left_it() -> None:
    message = launched({}, StoredBaseModel("b" * 64, "cnn_p1"), needs="s" * 32)
    assert message.mounts[-1] == msg.Mount("experiments/base_models/cnn_p1", artefact="b" * 64)


def test_a_phase_1_job_is_told_what_it_makes() -> None:
    message = launched({}, phase=1, makes="s" * 32)
    assert (message.base_model_hash, message.base_model) == ("s" * 32, None)


def test_a_rung_is_told_that_it_goes_on_and_to_keep_its_state() -> None:
    lower = StoredBaseModel("c" * 64)
    message = launched({}, lower, phase=1, makes="s" * 32, needs="r" * 32, resumes=True, keeps_state=True)
    assert (message.base_model, message.resumes, message.keeps_state) == ("c" * 64, True, True)
    child = launched({}, lower, phase=1, makes="s" * 32, needs="r" * 32)
    assert (child.base_model, child.resumes, child.keeps_state) == ("c" * 64, False, False)


def test_data_is_copied_to_other_machines_and_used_in_place_on_this_one() -> None:
    data = (DataDir("data/a", "/scratch/a"), DataDir("data/b", "/home/me/b", sync=True))
    there = msg.Mount("data/a", path="/scratch/a")
    assert data_mounts(data, {"/home/me/b": "d" * 64}, local=False) == [
        there,
        msg.Mount("data/b", artefact="d" * 64),
    ]
    assert data_mounts(data, {}, local=True) == [there, msg.Mount("data/b", path="/home/me/b")]


@pytest.mark.parametrize("value", [1, 0.5, 3600, 1e9, None, "90s", "15m", "2h", "1d", "0.5 h"])
def test_good_limits_pass(value: object) -> None:
    check_job_settings(jobs({"timeout": value, "stall_timeout": value}))


@pytest.mark.parametrize("name", ["timeout", "stall_timeout"])
@pytest.mark.parametrize(
    "value", [0, -1, "90", True, False, [90], 1e10, "", "-5s", "5 parsecs", "0s", "1e9h"]
)
def test_bad_limits_are_refused(name: str, value: object) -> None:
    with pytest.raises(ConfigError, match=rf"`{name}` is .*, allowed are seconds above 0.*15m") as caught:
        check_job_settings(jobs({}, {name: value}))
    assert (caught.value.source, caught.value.place, caught.value.exit_code) == ("search.json", "job 2", 3)


@pytest.mark.parametrize("name", [setting.name for setting in JOB_SETTINGS if setting.kind is KEPT])
def test_settings_that_would_not_be_heeded_are_refused(name: str) -> None:
    with pytest.raises(ConfigError, match=f"job 1: `{name}` is kept for a setting of the job"):
        check_job_settings(jobs({name: 1}))
    check_job_settings(jobs({name: None}))


@pytest.mark.parametrize("value", ["800MB", "24GB", "1.5 GiB", 8 * 10**9])
def test_gpu_memory_is_a_size(value: object) -> None:
    check_job_settings(jobs({"gpu_memory": value}))


@pytest.mark.parametrize("value", [0, -1, "24", "24 gigs", "GB", True, [1], "", 1e30])
def test_bad_gpu_memory_is_refused(value: object) -> None:
    with pytest.raises(ConfigError, match=r"`gpu_memory` is .*, allowed is a number of bytes") as caught:
        check_job_settings(jobs({}, {"gpu_memory": value}))
    assert (caught.value.source, caught.value.place, caught.value.exit_code) == ("search.json", "job 2", 3)


def test_a_timeout_does_not_split_base_models() -> None:
    search = [{"participants": ["a", "b"], "fold": 0, "timeout": seconds} for seconds in (1, 2)]
    assert len(parse_jobs(json.dumps(search), code="x").base_models) == 1


SCRIPT = ScriptFlags(
    "train.py",
    {
        "batch-size": Flag("batch_size", "--batch-size"),
        "amp": Flag("amp", "--amp", Takes.NOTHING, on=("--amp",), off=("--no-amp",)),
    },
    open="",
)


def told(config: dict[str, Any], script: ScriptFlags) -> list[str]:
    start = Start(JobRecord(Job("alpha/job", 2)), 1)
    return launch_message(start, config, PROGRAM, script=script).argv[2:]


def test_fields_become_the_flags_that_the_script_declares() -> None:
    config = {"batch_size": 4, "amp": False, "prefix": "search", "timeout": 5, "mode": "base_only"}
    assert told(config, SCRIPT) == ["--batch-size", "4", "--no-amp"]


@pytest.mark.parametrize(
    ("style", "argv"),
    [
        (Style.SEPARATE, ["--device", "{device}"]),
        (Style.JOINED, ["--device={device}"]),
        (Style.BARE, ["device={device}"]),
    ],
)
def test_the_device_is_told_in_the_style_of_the_script(style: Style, argv: list[str]) -> None:
    script = ScriptFlags(style=style)
    assert [word.replace("'", "") for word in told({"device": "cuda:7"}, script)] == argv
