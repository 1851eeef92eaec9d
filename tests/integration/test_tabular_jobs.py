"""Models of tables as jobs: a grid that is killed and goes on, and base models with what starts from them."""

from __future__ import annotations

import csv
import io
import json
import multiprocessing
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch

from master.core.running.lifecycle import State, Trigger
from tests.support.runs import Run
from tests.support.shop import Shop
from tests.unit.trainers.tabular.tables import written
from trainers.common.errors import TrainerError
from trainers.tabular import run as run_of_tables
from trainers.tabular.running.parallel import Listener, Say, shared_out, train_apart
from trainers.tabular.thread_main import thread_main

DEFAULTS: dict[str, Any] = {
    "targets": "y",
    "exclude": "z",
    "group": "person",
    "split": "group",
    "sizes": ["mlp.hidden=8", "realmlp.hidden=8"],
    "epochs": 2,
    "num_workers": 1,
    "prepared_cache": "off",
}
AGREES = ("to rounding", "to the bit")
"""The latter where a job found no sibling that was ready."""


@pytest.fixture(autouse=True)
def own_slots(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TWOPHASE_SLOT_DIR", str(tmp_path / "slots"))
    monkeypatch.setenv("TWOPHASE_AGENT_IDLE_S", "20")


def run_of(folder: Path, jobs: dict[str, Any], **defaults: Any) -> Run:
    local = {"host": "localhost", "gpus": 0, "cpu_slots": 2, "state_dir": str(folder / "state")}
    given = {**DEFAULTS, **defaults, "data": written(folder / "rows.csv")}
    return Run(folder, [local], {**jobs, "defaults": given}, script=None)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_grid_of_models_seeds_and_folds_is_killed_and_goes_on(tmp_path: Path) -> None:
    grid = {"models": ["mlp", "realmlp", "trees"], "seeds": [0, 1], "fold": [0, 1]}
    run = run_of(tmp_path, {"grid": grid}, folds=2)
    master = run.start("--trainer", "tabular")
    assert master.stdout is not None
    for _line in master.stdout:
        if run.layout.journal.exists() and len(run.count(Trigger.COLLECT)) >= 3:
            break
    master.kill()
    master.communicate()
    assert len(run.count(Trigger.COLLECT)) < 12
    done = run.finish("--trainer", "tabular", timeout_s=600)
    assert done.returncode == 0, done.stdout + done.stderr
    assert [*run.states().values()] == [State.SUCCEEDED] * 12
    assert set(run.count(Trigger.COLLECT).values()) == {1}
    assert set(run.count(Trigger.ASSIGN).values()) == {1}, "attempts still running were not adopted"
    rows = list(csv.DictReader((run.layout.root / "phase2_experiments.csv").read_text().splitlines()))
    assert len({row["rmse"] for row in rows if row["models"] != "trees"}) == 8
    assert all(float(row["rmse"]) > 0 for row in rows)


@pytest.mark.slow
def test_each_person_has_a_base_model_of_all_others(tmp_path: Path) -> None:
    grid = {"target_group": ["3", "4"], "tune_learning_rate": [1e-3, 1e-5]}
    run = run_of(tmp_path, {"grid": grid, "base_model": True}, models="mlp", split="random")
    done = run.finish("--trainer", "tabular", timeout_s=600)
    assert done.returncode == 0, done.stdout + done.stderr
    run.check_complete(jobs=4, base_models=2)
    for path in (run.layout.root / "experiments" / "alpha").glob("*/mlp/model.json"):
        saved = json.loads(path.read_text())
        assert saved["model"] == "mlp" and saved["vocabulary"] == {"colour": ["blue", "green", "red"]}
        record = json.loads((path.parents[1] / "job.json").read_text())
        assert record["executor"] == "resident" and record["group"]["agrees_with_alone"] in AGREES


@pytest.mark.slow
def test_a_shell_script_of_run_all_training_trains_a_table(shop: Shop) -> None:
    written(shop.project / "rows.csv")
    command = f"exec {sys.executable} -m twophase tabular --data rows.csv --targets y --exclude z --no-plots"
    shop.write(
        "train_people.sh",
        f'#!/bin/sh\n{command} --sizes mlp.hidden=8 --models mlp trees --num-workers 1 "$@"\n',
    )
    (shop.project / "train_people.sh").chmod(0o755)
    shop.write(
        "jobs.yaml", "jobs: [{script: train_people.sh, supports_epochs: true, supports_output_dir: true}]\n"
    )
    jobs = shop.jobs("--config", "jobs.yaml", "--epochs", "2")
    assert {name: job["state"] for name, job in jobs.items()} == {"train_people": "succeeded"}
    results = shop.project / "results" / "people_results"
    found = json.loads((results / "metrics.json").read_text())
    assert found["mlp_rmse"] > 0 and found["trees_rmse"] > 0
    member = json.loads((results / "mlp" / "training.json").read_text())["members"][0]
    assert member["stop_epoch"] == 2


@dataclass(frozen=True)
class Work:
    """Leaves a file for each model; some names tell what goes wrong."""

    folder: Path

    def __call__(self, names: Sequence[str], device: torch.device, say: Say) -> None:
        for name in names:
            say(f"{name} begins")
            if name == "bad":
                os._exit(9)
            if name == "diverges":
                raise TrainerError("the loss is no number")
            if name == "broken":
                raise ValueError("no such thing")
            while name == "endless":
                time.sleep(0.01)
            (self.folder / name).write_text(f"{device} {os.getpid()}")


def test_models_on_several_devices_have_a_process_each(tmp_path: Path) -> None:
    devices = [torch.device("cpu", number) for number in (0, 1)]
    work = Work(tmp_path)
    shares = shared_out(("transformer", "mlp", "tabular_transformer"), devices)
    heard: list[str] = []
    train_apart(shares, work, Listener(heard.append), lambda: None)
    assert sorted(heard) == ["mlp begins", "tabular_transformer begins", "transformer begins"]
    said = {path.name: path.read_text().split() for path in tmp_path.iterdir()}
    assert {name: place for name, (place, _) in said.items()} == {
        "transformer": "cpu:0",
        "mlp": "cpu:0",
        "tabular_transformer": "cpu:1",
    }
    assert len({process for _, process in said.values()} | {str(os.getpid())}) == 3


def test_a_process_that_dies_is_told_and_the_others_end(tmp_path: Path) -> None:
    devices = [torch.device("cpu", number) for number in (0, 1)]
    work = Work(tmp_path)
    with pytest.raises(TrainerError, match=r"cpu:1 \(bad\): exit code 9; the others are kept"):
        train_apart(shared_out(("mlp", "bad"), devices), work, Listener(lambda line: None), lambda: None)
    assert [path.name for path in tmp_path.iterdir()] == ["mlp"]


def test_what_ends_a_process_is_told_to_who_listens(tmp_path: Path) -> None:
    devices = [torch.device("cpu", number) for number in (0, 1)]
    heard: list[str] = []
    with pytest.raises(TrainerError, match=r"\(broken\): exit code 1; cpu:1 \(diverges\): exit code 1"):
        train_apart(
            shared_out(("broken", "diverges"), devices),
            Work(tmp_path),
            Listener(heard.append),
            lambda: None,
        )
    assert "the loss is no number" in heard
    assert any(line.startswith("Traceback") and line.endswith("no such thing") for line in heard)


def test_processes_of_a_job_that_is_to_end_are_ended(tmp_path: Path) -> None:
    devices = [torch.device("cpu", number) for number in (0, 1)]
    heard: list[str] = []

    def leave() -> None:
        if len(heard) == 2:
            raise TrainerError("left")

    with pytest.raises(TrainerError, match="left"):
        train_apart(
            shared_out(("endless", "mlp"), devices),
            Work(tmp_path),
            Listener(heard.append, leave),
            lambda: None,
        )
    assert not multiprocessing.active_children()


def test_a_resident_job_of_several_devices_hears_in_its_own_log_what_its_processes_tell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    devices = [torch.device("cpu", number) for number in (0, 1)]
    monkeypatch.setattr(run_of_tables, "chosen_devices", lambda *_, **__: devices)
    data, log = written(tmp_path / "rows.csv"), io.StringIO()
    words = (
        f"--data {data} --targets y --exclude z --models mlp realmlp --sizes mlp.hidden=8 realmlp.hidden=8"
    )
    more = "--epochs 1 --lr 1e200 --clip-norm 0 --no-plots --num-workers 1 --prepared-cache off"
    argv = [*words.split(), *more.split(), "--output-dir", str(tmp_path / "out")]
    assert thread_main(argv, {}, log) == 1
    said = log.getvalue()
    assert "mlp: one member" in said and "realmlp: one member" in said
    assert "mlp: the loss is no number from the first epoch on" in said
