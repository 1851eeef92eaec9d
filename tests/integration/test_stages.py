"""Two scripts and two lists of jobs: one makes base models, the other starts from them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.runs import Run

BASE = """\
import argparse, pathlib
parser = argparse.ArgumentParser()
parser.add_argument("--prefix"), parser.add_argument("--fold", type=int)
parser.add_argument("--lr", type=float), parser.add_argument("--participants", nargs="+")
options = parser.parse_args()
person = options.participants[options.fold]
folder = pathlib.Path("experiments", options.prefix, f"fold{options.fold}_{person}")
folder.mkdir(parents=True)
(folder / "best_base_model.pt").write_text(f"lr {options.lr}")
"""
TUNE = """\
import argparse, pathlib
parser = argparse.ArgumentParser()
parser.add_argument("--prefix"), parser.add_argument("--seed_finetune")
parser.add_argument("--fold", type=int)
parser.add_argument("--base_experiment_prefix"), parser.add_argument("--participants", nargs="+")
options = parser.parse_args()
(found,) = pathlib.Path("experiments", options.base_experiment_prefix).glob("fold*/best_base_model.pt")
person = options.participants[options.fold]
folder = pathlib.Path("experiments", options.prefix, f"fold{options.fold}_{person}")
folder.mkdir(parents=True)
(folder / "metrics.json").write_text('{"from": "%s"}' % found.read_text())
"""
PEOPLE = ["p1", "p2", "p3"]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("TWOPHASE_SLOT_DIR", str(tmp_path / "slots"))
    monkeypatch.setenv("TWOPHASE_AGENT_IDLE_S", "20")
    yield tmp_path


def stages(folder: Path) -> dict[str, Any]:
    (folder / "train_base.py").write_text(BASE)
    (folder / "finetune.py").write_text(TUNE)
    makes = [
        {"prefix": f"base_{lr}", "lr": lr, "fold": 0, "participants": PEOPLE, "device": 0}
        for lr in (0.1, 0.2)
    ]
    for job in makes:
        del job["device"]
    uses = {
        "defaults": {"participants": PEOPLE, "prefix": "alpha"},
        "grid": {
            "base_experiment_prefix": ["base_0.1", "base_0.2"],
            "fold": [0, 1, 2],
            "seed_finetune": [1, 2],
        },
    }
    (folder / "finetune_jobs.json").write_text(json.dumps(uses))
    return {
        "stages": [
            {"name": "base", "script": str(folder / "train_base.py"), "jobs": makes},
            {
                **{"name": "finetune", "from": "base", "script": str(folder / "finetune.py")},
                "jobs": str(folder / "finetune_jobs.json"),
            },
        ]
    }


def test_each_base_model_is_made_once_by_its_own_script(place: Path) -> None:
    folder = place / "scripts"
    folder.mkdir()
    worker = {"host": "localhost", "gpus": 0, "cpu_slots": 2, "state_dir": str(place / "state")}
    run = Run(place / "run", [worker], stages(folder), script=None)
    planned = run.finish("--dry-run", "--verbose", "--json")
    assert planned.returncode == 0, planned.stdout + planned.stderr
    plan = json.loads(planned.stdout)
    assert (plan["jobs"], len(plan["base_models"]["to_train"])) == (12, 2)
    commands = [job["command"] for job in plan["all_jobs"]]
    assert ["train_base.py" in command for command in commands] == [True] * 2 + [False] * 12
    done = run.finish()
    assert done.returncode == 0, done.stdout + done.stderr
    found = [json.loads(path.read_text()) for path in run.layout.experiments.glob("alpha/*/metrics.json")]
    assert sorted(one["from"] for one in found) == ["lr 0.1"] * 6 + ["lr 0.2"] * 6
    log = json.loads(run.layout.phase1_log.read_text())
    assert (log["total_jobs"], log["successful_jobs"]) == (2, 2)
    link = run.layout.base_models / "base_0.1"
    assert (link / "fold0_p1" / "best_base_model.pt").read_text() == "lr 0.1"
    record = next(run.layout.experiments.glob("alpha/*/job.json"))
    assert json.loads(record.read_text())["code"]["entry"] == "finetune.py"
    again = run.finish()
    assert again.returncode == 0 and json.loads(run.layout.phase1_log.read_text())["total_jobs"] == 2
    (folder / "train_base.py").write_text(BASE + "# changed\n")
    told = run.finish()
    assert told.returncode == 0 and "train_base.py; nothing is to run" in told.stderr, told.stderr
    listed = folder / "finetune_jobs.json"
    listed.write_text(listed.read_text().replace('"seed_finetune": [1, 2]', '"seed_finetune": [1, 2, 3]'))
    changed = run.finish()
    assert changed.returncode == 2 and "train_base.py" in changed.stderr and "--code keep" in changed.stderr
    kept = run.finish("--code", "keep")
    assert kept.returncode == 0, kept.stdout + kept.stderr
