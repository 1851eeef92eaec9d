"""Rungs on local workers: a script that goes on from its own state, against one that trains straight."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.test_lineages import people
from tests.support.runs import Run, verb

SCRIPT = """\
import argparse, json, os, pathlib, random
parser = argparse.ArgumentParser()
for name in ("--epochs", "--schedule_epochs", "--seed", "--head"):
    parser.add_argument(name, type=int)
options = parser.parse_args()
base, lower = (os.environ.get(f"TWOPHASE_{name}_MODEL_DIR") for name in ("BASE", "RESUME"))
if os.environ["TWOPHASE_PHASE"] == "2":
    weights = pathlib.Path(base, "weights.json").read_text()
    pathlib.Path(os.environ["TWOPHASE_OUTPUT_DIR"], "start.json").write_text(weights)
    raise SystemExit(0)
base, rng = pathlib.Path(base), random.Random(options.seed)
weights, momentum, done = [0.0] * 4, [0.0] * 4, 0
state = pathlib.Path(lower, "state.json") if lower else None
if state:
    assert "TWOPHASE_PARENT_MODEL_DIR" not in os.environ
if state and state.exists():
    weights, momentum, done, drawn = json.loads(state.read_text())
    rng.setstate((drawn[0], tuple(drawn[1]), drawn[2]))
for epoch in range(done, options.epochs):
    if options.seed == 9 and epoch >= 15:
        raise SystemExit("no good seed")
    rate = 0.1 * (1 - epoch / options.schedule_epochs)
    momentum = [0.9 * m + rng.gauss(0, 1) - 0.1 * w for m, w in zip(momentum, weights)]
    weights = [w + rate * m for w, m in zip(weights, momentum)]
    with open(os.environ["HOME"] + "/epochs.txt", "a") as stream:
        stream.write(f"{options.epochs} {options.seed}\\n")
(base / "weights.json").write_text(json.dumps(weights))
if os.environ.get("TWOPHASE_KEEP_STATE") == "1":
    (base / "state.json").write_text(json.dumps([weights, momentum, options.epochs, rng.getstate()]))
"""
RESUME = {"field": "epochs", "exact": True, "horizon": "schedule_epochs"}


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("TWOPHASE_SLOT_DIR", str(tmp_path / "slots"))
    monkeypatch.setenv("TWOPHASE_AGENT_IDLE_S", "20")
    monkeypatch.setenv("HOME", str(tmp_path))
    yield tmp_path


def started(place: Path, epochs: list[int], name: str = "run", seed: int = 1, **more: Any) -> Run:
    (place / "train.py").write_text(SCRIPT)
    worker = {"host": "localhost", "gpus": 0, "cpu_slots": 2, "state_dir": str(place / "state")}
    jobs = {
        "defaults": {"schedule_epochs": 80, "seed": seed},
        "grid": {"epochs": epochs, "head": [1, 2]},
        "base_model": {"exclude": ["head"]},
        "resume": RESUME,
        **more,
    }
    return Run(place / name, [worker], jobs, script=place / "train.py")


def done(run: Run, *flags: str, code: int = 0) -> dict[str, Any]:
    ended = run.finish("--json", *flags)
    assert ended.returncode == code, ended.stdout + ended.stderr
    report: dict[str, Any] = json.loads(ended.stdout)
    return report


def weights(run: Run) -> dict[int, str]:
    """Return the digest of the weights by how many epochs they were trained."""
    return {
        manifest["config"]["epochs"]: hashlib.sha256((folder / "weights.json").read_bytes()).hexdigest()
        for folder, manifest in stored(run)
    }


def stored(run: Run) -> list[tuple[Path, dict[str, Any]]]:
    folders = [path.parent for path in sorted(run.layout.base_models.glob("*/manifest.json"))]
    return [(folder, json.loads((folder / "manifest.json").read_text())) for folder in folders]


def trained(place: Path) -> int:
    """Return how many epochs have been trained since the last look."""
    file = place / "epochs.txt"
    count = len(file.read_text().splitlines()) if file.exists() else 0
    file.unlink(missing_ok=True)
    return count


def test_rungs_are_equal_to_the_bit_to_what_is_trained_straight(place: Path) -> None:
    straight = started(place, [10, 20, 40], "straight", resume=None)
    done(straight)
    assert trained(place) == 70
    run = started(place, [10, 20, 40])
    plan = json.loads(run.finish("--dry-run", "--json").stdout)
    assert plan["rungs"] == {"field": "epochs", "trained": 40, "saved": 30}
    assert (plan["trainings_saved"], len(plan["base_models"]["to_train"])) == (3, 3)
    report = done(run)
    assert trained(place) == 40, "each epoch is trained once"
    assert report["trainings_saved"] == 3 and [base["jobs"] for base in report["base_models"]] == [6, 4, 2]
    assert weights(run) == weights(straight) and len(weights(run)) == 3
    assert [(m["spec_hash"], m["config"]) for _, m in stored(run)] == [
        (m["spec_hash"], m["config"]) for _, m in stored(straight)
    ], "whether it was resumed is no part of what a base model is"
    by_rung = {manifest["config"]["epochs"]: manifest for _, manifest in stored(run)}
    assert by_rung[40]["resumes_from"] == by_rung[20]["spec_hash"] and by_rung[10]["resumes_from"] is None
    assert all(manifest["keeps_state"] and manifest["parent"] is None for manifest in by_rung.values())
    assert not any((folder / "state.json").exists() for folder, _ in stored(straight))
    log = json.loads(run.layout.phase1_log.read_text())
    assert [job["resumes_from"] for job in log["jobs"]] == [
        None,
        *(by_rung[epochs]["spec_hash"] for epochs in (10, 20)),
    ]
    told = verb(run, "base", "log", by_rung[40]["spec_hash"])
    assert f"goes on from {by_rung[20]['spec_hash'][:12]}" in told


@pytest.mark.slow
def test_what_is_at_home_is_gone_on_from_and_what_has_no_state_is_not(place: Path) -> None:
    first = started(place, [20])
    done(first)
    assert trained(place) == 20
    plan = started(place, [10, 40]).finish("--dry-run")
    assert "epochs 10 is a rung below 20, which the store has" in plan.stdout.replace("\n", " ")
    done(started(place, [10, 40]))
    assert trained(place) == 10 + 20, "10 by itself, 40 from the 20 that no job of this file needs"
    without = started(place, [20], "without", resume=None)
    done(without)
    assert trained(place) == 20
    after = started(place, [40], "without")
    assert "without the state of its training" in after.finish("--dry-run").stdout.replace("\n", " ")
    done(after)
    assert trained(place) == 40


def test_a_damaged_rung_is_made_again_and_one_that_fails_blocks_what_is_above(place: Path) -> None:
    run = started(place, [10, 20])
    done(run)
    by_rung = {manifest["config"]["epochs"]: folder for folder, manifest in stored(run)}
    before = weights(run)
    for folder in by_rung.values():
        (folder / "manifest.json").write_text("{}")
    trained(place)
    done(started(place, [10, 20], grid={"epochs": [20, 10], "head": [1, 2, 3]}))
    assert trained(place) == 20 and weights(run) == before, "20 goes on from 10, which was gone, too"
    bad = started(place, [10, 20, 40], "bad", seed=9)
    report = done(bad, "--retries", "0", code=1)
    states = [base["state"] for base in report["base_models"]]
    assert states == ["succeeded", "failed", "blocked"]
    assert sorted(job["state"] for job in report["jobs"]) == ["blocked"] * 4 + ["succeeded"] * 2


def test_a_wider_file_goes_on_from_what_the_narrower_one_left(place: Path) -> None:
    done(started(place, [10, 20]))
    trained(place)
    wider = started(place, [10, 20, 30])
    done(wider)
    assert trained(place) == 10


@pytest.mark.slow
def test_the_personalisation_trainer_makes_the_same_base_models_by_rungs(place: Path) -> None:
    names = ("ann", "bob", "cyd")
    (place / "data").mkdir()
    people(place / "data", names)
    small = {"window_size": 12, "schedule_epochs": 4, "no_plots": True, "device": "cpu", "fold": 0}
    jobs = {
        "defaults": {"participants": list(names), "data_path": str(place / "data"), "model": "test", **small},
        "grid": {"epochs": [1, 2, 4]},
    }
    worker = {"host": "localhost", "gpus": 0, "cpu_slots": 2, "state_dir": str(place / "state")}
    made = []
    for name, resume in (("straight", {}), ("rungs", {"resume": {"field": "epochs"}})):
        run = Run(place / name, [worker], {**jobs, **resume}, script=None)
        done(run, "--trainer", "personalization")
        made.append({manifest["spec_hash"]: files_of(manifest) for _, manifest in stored(run)})
        from_lower = [manifest.get("resumes_from") for _, manifest in stored(run)]
        assert sum(lower is not None for lower in from_lower) == (2 if resume else 0)
    straight, climbed = made
    assert straight.keys() == climbed.keys() and len(straight) == 3
    for spec_hash, files in straight.items():
        assert files and files.items() <= climbed[spec_hash].items(), "weights are equal to the bit"


def files_of(manifest: dict[str, Any]) -> dict[str, str]:
    """Return the digests of the files of a base model that hold weights."""
    return {path: digest for path, _, digest in manifest["files"] if path.endswith((".pt", ".safetensors"))}
