"""Three generations of base models on local workers, each of a script that starts from the one before."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.support.runs import Run

SCRIPT = """\
import argparse, json, os, pathlib
parser = argparse.ArgumentParser()
parser.add_argument("--lr"), parser.add_argument("--site")
parser.add_argument("--person"), parser.add_argument("--head")
options = {name: value for name, value in vars(parser.parse_args()).items() if value}
base, parent = os.environ.get("TWOPHASE_BASE_MODEL_DIR"), os.environ.get("TWOPHASE_PARENT_MODEL_DIR")
trains = os.environ["TWOPHASE_PHASE"] == "1"
start = parent if trains else base
if options.get("lr") == "fail" and not start:
    raise SystemExit("no good lr")
before = json.loads(pathlib.Path(start, "weights.json").read_text()) if start else []
if trains:
    assert not list(pathlib.Path(base).iterdir())
    pathlib.Path(base, "weights.json").write_text(json.dumps([*before, options]))
    pathlib.Path(base, "metrics.json").write_text(json.dumps({"generation": len(before) + 1}))
else:
    pathlib.Path(os.environ["TWOPHASE_OUTPUT_DIR"], "line.json").write_text(json.dumps([*before, options]))
"""
STAGES = [
    {"name": "everyone", "fields": ["lr"]},
    {"name": "group", "from": "everyone", "fields": ["site"]},
    {"name": "one", "from": "group", "fields": ["person"]},
]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("TWOPHASE_SLOT_DIR", str(tmp_path / "slots"))
    monkeypatch.setenv("TWOPHASE_AGENT_IDLE_S", "20")
    yield tmp_path


def started(place: Path, grid: dict[str, Any], stages: list[dict[str, Any]] = STAGES) -> Run:
    (place / "train.py").write_text(SCRIPT)
    worker = {"host": "localhost", "gpus": 0, "cpu_slots": 2, "state_dir": str(place / "state")}
    jobs = {"grid": grid, "stages": stages}
    return Run(place / "run", [worker], jobs, script=place / "train.py")


def lines(run: Run) -> list[Any]:
    return [json.loads(path.read_text()) for path in sorted(run.layout.experiments.glob("alpha/*/line.json"))]


def trained(run: Run) -> dict[str, Any]:
    """Return the manifests of the store by what the base model was made of, ancestors first."""
    found = {}
    for path in run.layout.base_models.glob("*/weights.json"):
        if not path.parent.is_symlink():
            name = json.dumps([[*own.values()] for own in json.loads(path.read_text())])
            assert name not in found, "trained twice"
            found[name] = json.loads((path.parent / "manifest.json").read_text())
    return found


GRID = {"lr": ["a", "b"], "site": ["x", "y"], "person": ["p"], "head": ["1", "2"]}


def test_each_generation_starts_from_the_one_before_and_is_trained_once(place: Path) -> None:
    run = started(place, GRID)
    planned = run.finish("--dry-run", "--json")
    assert planned.returncode == 0, planned.stdout + planned.stderr
    plan = json.loads(planned.stdout)
    assert (plan["jobs"], len(plan["base_models"]["to_train"]), plan["trainings_saved"]) == (8, 10, 14)
    done = run.finish("--json")
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads(done.stdout)
    assert [base["jobs"] for base in report["base_models"]] == [4, 2, 2, 2, 2] * 2
    assert report["trainings_saved"] == 14
    assert sorted(json.dumps(line) for line in lines(run)) == sorted(
        json.dumps([{"lr": lr}, {"lr": lr, "site": site}, {"lr": lr, "site": site, "person": "p"}, rest])
        for lr in "ab"
        for site in "xy"
        for head in "12"
        for rest in [{"lr": lr, "site": site, "person": "p", "head": head}]
    )
    made = trained(run)
    root = made['[["a"]]']
    child, grandchild = made['[["a"], ["a", "x"]]'], made['[["a"], ["a", "x"], ["a", "x", "p"]]']
    assert (len(made), root["parent"], root["metrics"]) == (10, None, {"generation": 1.0})
    assert child["parent"] == root["spec_hash"] and grandchild["parent"] == child["spec_hash"]
    assert grandchild["metrics"] == {"generation": 3.0} and grandchild["machine"]["cores"]
    log = json.loads(run.layout.phase1_log.read_text())
    assert {job["spec_hash"]: job["parent"] for job in log["jobs"]} == {
        one["spec_hash"]: one["parent"] for one in made.values()
    }
    again = run.finish("--json")
    assert again.returncode == 0 and len(trained(run)) == 10


def test_a_change_in_the_middle_trains_what_comes_of_it_alone(place: Path) -> None:
    run = started(place, {**GRID, "lr": ["a"], "site": ["x"]})
    assert run.finish().returncode == 0
    before = set(trained(run))
    wider = started(place, {**GRID, "lr": ["a"], "site": ["x", "z"]})
    assert wider.finish().returncode == 0
    new = set(trained(wider)) - before
    assert new == {'[["a"], ["a", "z"]]', '[["a"], ["a", "z"], ["a", "z", "p"]]'}


def test_nothing_waits_for_ever_below_a_root_that_fails(place: Path) -> None:
    run = started(place, {**GRID, "lr": ["a", "fail"]})
    done = run.finish("--json", "--retries", "0")
    assert done.returncode == 1, done.stdout + done.stderr
    report = json.loads(done.stdout)
    assert sorted(job["state"] for job in report["jobs"]) == ["blocked"] * 4 + ["succeeded"] * 4
    states = [base["state"] for base in report["base_models"]]
    assert sorted(states) == ["blocked"] * 4 + ["failed"] + ["succeeded"] * 5


def people(folder: Path, names: tuple[str, ...]) -> None:
    """Write windows whose level tells their class, for each person and split."""
    for person, name in enumerate(names):
        for number, split in enumerate(("train", "val", "test")):
            generator = torch.Generator().manual_seed(10 * person + number)
            y = torch.arange(20) % 2
            windows = torch.randn(20, 2, 12, generator=generator) + 1.5 * y[:, None, None]
            torch.save((windows, y.float()), folder / f"{name}_{split}.pt")


def test_people_start_from_a_group_that_starts_from_everybody_else(place: Path) -> None:
    names = ("ann", "bob", "cyd", "dan")
    (place / "data").mkdir()
    people(place / "data", names)
    fixed = {"participants": list(names), "data_path": str(place / "data"), "model": "test"}
    small = {"window_size": 12, "epochs": 2, "no_plots": True, "device": "cpu"}
    jobs = {
        "defaults": {**fixed, **small},
        "grid": {"fold": [0, 1], "n_base_participants": [2], "seed_finetune": [1, 2]},
        "stages": [
            {"name": "everybody", "fields": [*fixed, "fold", "window_size", "epochs"]},
            {"name": "group", "from": "everybody", "fields": ["n_base_participants"]},
        ],
    }
    worker = {"host": "localhost", "gpus": 0, "cpu_slots": 2, "state_dir": str(place / "state")}
    run = Run(place / "run", [worker], jobs, script=None)
    done = run.finish("--trainer", "personalization", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads(done.stdout)
    assert (len(report["base_models"]), report["trainings_saved"]) == (4, 4)
    configs = [json.loads(path.read_text()) for path in run.layout.base_models.glob("*/base_config.json")]
    lines = {(*one.get("parent_participants", ()), "→", *one["participants"]) for one in configs}
    assert lines == {
        ("→", "bob", "cyd", "dan"),
        ("→", "ann", "cyd", "dan"),
        ("bob", "cyd", "dan", "→", "bob", "cyd"),
        ("ann", "cyd", "dan", "→", "ann", "cyd"),
    }


def test_a_trainer_that_takes_no_parent_says_so_before_anything_is_made(place: Path) -> None:
    jobs = {
        "grid": {"lr": [1e-3, 1e-4], "seed": [0, 1]},
        "stages": [
            {"name": "a", "fields": ["lr"]},
            {"name": "b", "from": "a", "fields": ["seed"]},
        ],
    }
    worker = {"host": "localhost", "gpus": 0, "state_dir": str(place / "state")}
    run = Run(place / "run", [worker], jobs, script=None)
    refused = run.finish("--trainer", "probes", "--dry-run")
    assert (
        refused.returncode == 3 and "the trainer probes starts no base model from another" in refused.stderr
    )
    assert not run.layout.experiments.exists()
