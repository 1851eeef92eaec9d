"""What a published result says of how it came about."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from master.code.code_history import CodeStart
from master.code.code_record import CodeRecord
from master.code.origin import Described, JobFacts
from master.core.running import events as ev
from master.transfers.result_record import (
    MOST_FILES,
    attempt_record,
    record_name,
    without_record,
    write_record,
)
from tests.support.attempt_paths import paths_of
from tests.support.courier_world import BASE, JOB, SPEC, WELCOME, CourierWorld, encoded, put
from worker_agent.protocol.digests import FileDigest, content_hash, digest_directory
from worker_agent.protocol.outcome import Finished, LeftOut, Outcome
from worker_agent.protocol.reports import WorkerFacts

CODE = CodeStart(CodeRecord("code:1", "train.py", {"train.py": "1", "helper.py": "2"}), "snap")
FINISHED = Finished(
    *(Outcome.SUCCEEDED, 0),
    slot="cpu0",
    started_at=0.25,
    duration_s=2.0,
    executor="resident",
    group="alpha/a#1",
    together=3,
    peak_rss_bytes=5,
    left_out=[LeftOut("run/pipe", "a pipe")],
)
FACTS = JobFacts({"lr": 0.1, "seed": 3}, ("seed", "other"), "5" * 32, ("python", "train.py", "--lr", "0.1"))
KNOWN = Described(FACTS, CODE, run_id="r1", epoch=2)


def test_a_record_tells_all_of_an_attempt() -> None:
    worker = {"worker": "lab1", "python": "3.12.1", "torch": "2.13.0"}
    assert attempt_record(JOB, 3, KNOWN, FINISHED, worker) == {
        "format": 1,
        "job_id": JOB,
        "run_id": "r1",
        "epoch": 2,
        "parameters": {"lr": 0.1, "seed": 3},
        "varied": {"seed": 3, "other": None},
        "command": ["python", "train.py", "--lr", "0.1"],
        "spec_hash": "5" * 32,
        "code": {
            **{"digest": "code:1", "entry": "train.py", "snapshot": "snap", "more_files": 0},
            "files": {"helper.py": "2", "train.py": "1"},
        },
        "attempt": 3,
        "worker": "lab1",
        "python": "3.12.1",
        "torch": "2.13.0",
        "slot": "cpu0",
        "executor": "resident",
        "group": {"name": "alpha/a#1", "jobs": 3, "agrees_with_alone": "to rounding"},
        "start_time": "1970-01-01T00:00:00.250+00:00",
        "end_time": "1970-01-01T00:00:02.250+00:00",
        "duration_seconds": 2.0,
        "exit_code": 0,
        "peak_rss_bytes": 5,
        "peak_gpu_bytes": None,
        "left_out": [{"path": "run/pipe", "reason": "a pipe"}],
    }


@pytest.mark.parametrize(
    ("slot", "together", "agrees"),
    [("cpu0", 3, "to the bit"), ("gpu0", 3, "to rounding"), ("gpu0", 1, "to the bit")],
)
def test_a_record_tells_how_far_a_result_agrees_with_that_of_the_job_alone(
    slot: str, together: int, agrees: str
) -> None:
    known = replace(KNOWN, facts=replace(FACTS, same_bits=frozenset({"cpu"})))
    finished = replace(FINISHED, slot=slot, together=together)
    assert attempt_record(JOB, 1, known, finished, {})["group"]["agrees_with_alone"] == agrees


def test_what_is_not_known_is_null() -> None:
    record = attempt_record(JOB, 1, Described(), Finished(Outcome.SUCCEEDED), {})
    assert {record[key] for key in ("code", "worker", "torch", "start_time", "end_time", "slot")} == {None}


def test_a_large_program_is_named_in_part() -> None:
    many = {f"{number:04}.py": "1" for number in range(MOST_FILES + 7)}
    code = replace(CODE, record=CodeRecord("code:1", "0000.py", many))
    told = attempt_record(JOB, 1, Described(code=code), Finished(Outcome.SUCCEEDED), {})["code"]
    assert (len(told["files"]), told["more_files"]) == (MOST_FILES, 7)


@pytest.mark.parametrize(
    ("taken", "name"),
    [
        ([], "job.json"),
        (["metrics.json", "sub/job.json"], "job.json"),
        (["job.json"], "twophase_job.json"),
        (["JOB.json"], "twophase_job.json"),
        (["job.json/x"], "twophase_job.json"),
        (["job.json", "twophase_job.json"], "twophase_job_2.json"),
        (["job.json", "twophase_job.json", "twophase_job_2.json"], "twophase_job_3.json"),
    ],
)
def test_a_file_of_the_script_keeps_its_name(taken: list[str], name: str, tmp_path: Path) -> None:
    assert record_name(taken) == name
    write_record(tmp_path, taken, {"job_id": JOB})
    assert json.loads((tmp_path / name).read_text()) == {"job_id": JOB}
    found = [FileDigest(path, 0, "0") for path in (*taken, name)]
    assert [file.path for file in without_record(found, taken)] == taken


def test_text_that_is_no_unicode_is_written_all_the_same(tmp_path: Path) -> None:
    write_record(tmp_path, [], {"a": "\udce9"})
    assert json.loads((tmp_path / "job.json").read_text()) == {"a": "\udce9"}


# --- published with the result


def described(world: CourierWorld, known: Described) -> None:
    outcomes = world.courier._outcomes
    world.courier._outcomes = replace(outcomes, home=replace(outcomes.home, describe=lambda *_: known))


def test_a_result_comes_with_its_record_and_is_known_by_what_the_job_left(world: CourierWorld) -> None:
    described(world, KNOWN)
    world.line.welcome = replace(WELCOME, facts=WorkerFacts(python="3.12.1", torch="x" * 99, cores=4))
    rows = world.produce(a="one")
    world.collect({"slot": "cpu0", "files": rows, "inline": encoded(a="one")}, attempt=2)
    found = content_hash(map(FileDigest.from_row, rows))
    assert world.event() == ev.Collected(5.0, JOB, 2, found)
    record = world.record()
    assert (record["attempt"], record["worker"], record["python"], record["torch"]) == (
        2,
        "lab1",
        "3.12.1",
        None,
    )
    assert (record["content_hash"], record["parameters"]["seed"]) == (found, 3)
    assert world.result() == {"a": "one"}


def test_the_same_outcome_again_is_recognised(world: CourierWorld) -> None:
    rows = world.produce(a="one")
    for _ in range(2):
        world.collect({"files": rows, "inline": encoded(a="one")})
        assert isinstance(world.event(), ev.Collected)


def test_a_job_json_of_the_script_comes_home_as_it_is(world: CourierWorld) -> None:
    rows = put(paths_of(world.attempt()).output, {"job.json": "mine"})
    for _ in range(2):
        world.collect({"files": rows, "inline": {**encoded(), "job.json": encoded(x="mine")["x"]}})
        assert isinstance(world.event(), ev.Collected)
    assert world.published()["job.json"] == "mine"
    assert json.loads(world.published()["twophase_job.json"])["job_id"] == JOB


def test_a_base_model_tells_the_code_that_made_it(world: CourierWorld) -> None:
    described(world, KNOWN)
    folder = world.remote / "work" / "cache"
    rows = put(folder / "made", {"weights": "w"})
    found = content_hash(digest_directory(folder / "made"))
    (folder / "made").rename(folder / found)
    world.collect({"base_model": {"content_hash": found, "files": rows, "name": None}}, BASE)
    assert isinstance(world.event(), ev.Collected)
    manifest = world.store.verify(SPEC)
    assert CodeRecord.from_json(manifest["code"]) == CODE.record
    assert [found["spec_hash"] for found in world.store.manifests()] == [SPEC]
