"""What a run is going to do, as a table and as JSON."""

from __future__ import annotations

import json
from dataclasses import replace

from rich.console import Console

from master.core.planning.plan import make_plan
from master.core.planning.varying import varying
from master.core.planning.workers import PlannedWorker, planned_workers
from master.intake.jobs import parse_jobs
from master.specs import ClusterSpec, ServerSpec
from master.view.plan_table import plan_json, print_plan
from tests.support.scripted_run import jobs_spec
from tests.unit.master.view.conftest import line_with, paper, written
from worker_agent.protocol.messages import Settings

IN_STORE = {"0" * 64: "content of 0"}


WORKERS = [
    PlannedWorker("lab1", 2, 2, reachable=True),
    PlannedWorker("lab2", 4, 0, reachable=False, reason="connection refused"),
    PlannedWorker("lab3", None, 0),
]


def plan_page(console: Console, experiments: int, base_models: int, in_store: dict[str, str]) -> str:
    jobs = jobs_spec(experiments, base_models)
    print_plan(jobs, make_plan(jobs, in_store), WORKERS, console=console)
    return written(console)


def test_the_plan_tells_workers_base_models_and_savings() -> None:
    page = plan_page(paper(), 6, 2, IN_STORE)
    assert line_with("lab1", page) == ["lab1", "2", "GPUs", "reachable"]
    assert line_with("lab2    ", page)[-4:] == ["not", "usable,", "see", "below"]
    assert "\nlab2: connection refused\n" in page
    assert "lab3    CPU, one for two cores  not tried" in page
    assert line_with("111111111111", page) == ["1" * 12, "to", "train", "3", "lr", "2"]
    assert line_with("000000000000", page) == ["0" * 12, "in", "the", "store", "3", "lr", "1"]
    assert "6 experiments; 1 base model to train, 1 in the store; 5 trainings saved by sharing." in page


def test_each_problem_is_told_once_and_whole() -> None:
    torch = "no module torch in /usr/bin/python3"
    long = (
        "setup: line 1 (`module load cuda/12.4`) failed with exit code 1; it printed " + "very " * 20 + "long"
    )
    workers = [
        *(PlannedWorker(f"lab{n}", 1, 0, reachable=True, missing=(torch,)) for n in range(12)),
        PlannedWorker("odd", 1, 0, reachable=False, reason=f"{long}\n  {torch}\x1b[2J"),
    ]
    console = paper()
    console.width = 40
    jobs = jobs_spec(1, 0)
    print_plan(jobs, make_plan(jobs, {}), workers, console=console)
    page = written(console)
    assert f"\nlab0, lab1, lab2, lab3, lab4, lab5, lab6, lab7, lab8, lab9 and 2 more: {torch}\n" in page
    assert f"\nodd: {long}\n" in page and "\x1b" not in page


def test_where_jobs_have_limits_the_plan_tells_how_each_worker_keeps_them() -> None:
    told = {"lab1": "cgroup", "lab2": "watched", "lab3": "not kept"}
    workers = [PlannedWorker(name, 1, 0, reachable=True, limits_kept=how) for name, how in told.items()]
    console, jobs = paper(), jobs_spec(1, 0)
    print_plan(jobs, make_plan(jobs, {}), workers, console=console)
    page = " ".join(written(console).split())
    assert "lab1 CPU, 1 at a time reachable, limits kept by the kernel (cgroup)" in page
    assert "lab2 CPU, 1 at a time reachable, limits watched, twice a second" in page
    assert "lab3 CPU, 1 at a time reachable, LIMITS OF JOBS ARE NOT KEPT THERE" in page


def test_a_plan_without_base_models() -> None:
    page = plan_page(paper(), 3, 0, {})
    assert "Base models" not in page
    assert "\n3 experiments\n" in page
    assert "saved" not in page and "in the store" not in page


def test_experiments_that_need_no_base_model_are_counted_beside_those_that_do() -> None:
    jobs = jobs_spec(3, 1)
    jobs = replace(jobs, jobs=(*jobs.jobs[:2], replace(jobs.jobs[2], base_model=None)))
    console = paper()
    print_plan(jobs, make_plan(jobs, {}), WORKERS, console=console)
    assert "0 in the store; 1 experiment without base model; 1 training " in written(console)


def test_plan_json_round_trips() -> None:
    jobs = jobs_spec(6, 2)
    found = json.loads(json.dumps(plan_json(jobs, make_plan(jobs, IN_STORE), WORKERS)))
    assert (found["jobs"], found["jobs_without_base_model"], found["trainings_saved"]) == (6, 0, 5)
    assert found["base_models"]["to_train"] == [
        {"spec_hash": "1" * 64, "jobs": 3, "config": {"model": "cnn", "lr": 2}}
    ]
    assert found["base_models"]["in_store"][0]["content_hash"] == "content of 0"
    assert found["slots"] == 2
    assert found["workers"][1] == {
        "name": "lab2",
        "slots": 4,
        "gpus": 0,
        "reachable": False,
        "reason": "connection refused",
        "missing": [],
        "gpu_bytes": [],
        "limits_kept": "",
        "lent": "",
        "notes": [],
    }


def test_workers_of_a_cluster_config_are_not_tried() -> None:
    servers = (
        ServerSpec("a", "a", agent=Settings(gpus=["0", "3"])),
        ServerSpec("b", "b", agent=Settings(cpu_slots=5)),
        ServerSpec("c", "c"),
    )
    assert planned_workers(ClusterSpec(servers)) == [
        PlannedWorker("a", 2, 2),
        PlannedWorker("b", 5, 0),
        PlannedWorker("c", None, 0),
    ]


def test_only_fields_that_differ_tell_base_models_apart() -> None:
    configs = [
        {"lr": 1, "model": "x", "n": 1},
        {"lr": 1, "model": "y", "n": 1.0},
        {"lr": 1, "model": "x", "b": 2},
    ]
    assert varying(configs) == ["model", "n", "b"]


def test_a_plan_says_where_nothing_is_shared() -> None:
    jobs = parse_jobs('{"grid": {"lr": [0.1, 0.01], "seed": [0, 1]}}', code="x")
    console = paper()
    print_plan(jobs, make_plan(jobs, {}), WORKERS, console=console)
    assert "\n4 experiments\nNothing is shared. To share, put" in written(console)
    assert "Nothing is shared" in plan_json(jobs, make_plan(jobs, {}), WORKERS)["sharing_note"]
    assert plan_json(jobs_spec(6, 2), make_plan(jobs_spec(6, 2), {}), WORKERS)["sharing_note"] is None


def test_rungs_stand_below_each_other_and_tell_what_is_trained_once() -> None:
    file = {
        "grid": {"epochs": [10, 20, 40]},
        "base_model": True,
        "resume": {"field": "epochs", "exact": True},
    }
    jobs = parse_jobs(json.dumps(file), code="x")
    plan, console = make_plan(jobs, {}), paper()
    print_plan(jobs, plan, WORKERS, console=console)
    page = written(console)
    low, middle, high = plan.to_train
    assert page.index(low[:12]) < page.index(f"└ {middle[:12]}") < page.index(f"  └ {high[:12]}")
    total = "0 trainings saved by sharing; 40 epochs to train instead of 70, by going on from lower rungs."
    assert total in " ".join(page.split()) and "Nothing is shared" not in page
    told = plan_json(jobs, plan, WORKERS)
    assert told["rungs"] == {"field": "epochs", "trained": 40, "saved": 30}
    assert [row["resumes_from"] for row in told["base_models"]["to_train"]] == [None, low, middle]
    alone, console = parse_jobs(json.dumps({**file, "grid": {"epochs": [10]}}), code="x"), paper()
    print_plan(alone, make_plan(alone, {}), WORKERS, console=console)
    assert "; 10 epochs to train." in " ".join(written(console).split()), "nothing to go on from"


def test_base_models_of_a_stage_are_told_apart_by_what_differs_within_it() -> None:
    file = {
        "defaults": {"model": "cnn"},
        "stages": [
            {"name": "all", "fields": ["model", "seed"]},
            {"name": "group", "from": "all", "fields": ["n"]},
        ],
        "grid": {"seed": [0, 1], "n": [2, 3], "lr": [0.1]},
    }
    jobs, console = parse_jobs(json.dumps(file), code="x"), paper()
    plan = make_plan(jobs, {})
    print_plan(jobs, plan, WORKERS, console=console)
    lines = [line.strip() for line in written(console).splitlines()]
    told = [line.rpartition("  ")[2] for line in lines if " to train  " in line]
    groups = ["group: n 2", "group: n 3"]
    assert told == ["all: seed 0", *groups, "all: seed 1", *groups]
