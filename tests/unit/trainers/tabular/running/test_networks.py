"""Networks of a run: plans with and without a base model, and what is recorded of a training."""

from __future__ import annotations

import json
from pathlib import Path

import torch

from tests.unit.trainers.tabular.test_run import quiet, request
from trainers.tabular.data.loading import Known, load
from trainers.tabular.results.saved import load_model
from trainers.tabular.running.networks import Listeners, plan_of, train_network
from trainers.tabular.running.progress import Progress
from trainers.tabular.running.source import source_of
from trainers.tabular.running.together import run_alone


def test_a_training_tells_its_epochs_and_records_its_members(tmp_path: Path) -> None:
    made = request(tmp_path, {"seeds": [3, 4], "learning_rates": [1e-3]})
    loaded, heard = load(source_of(made)), []
    listeners = Listeners(
        quiet, Progress(quiet), lambda name, member, record: heard.append((name, member, record["epoch"]))
    )
    run_alone(train_network("mlp", loaded, made, torch.device("cpu"), listeners))
    assert sorted(heard) == [("mlp", member, epoch) for member in (0, 1) for epoch in (1, 2)]
    record = json.loads((made.output_dir / "mlp" / "training.json").read_text())
    assert [(one["seed"], one["learning_rate"], one["kept"]) for one in record["members"]] == [
        (3, 1e-3, True),
        (4, 1e-3, True),
    ]
    assert record["batch_size"] == 84 and record["parameters"] > 0 and record["peak_bytes"] > 0
    assert [one["epoch"] for one in record["members"][0]["history"]] == [1, 2]


def test_a_plan_from_a_base_model_has_its_members_and_statistics(tmp_path: Path) -> None:
    made = request(tmp_path, {"seeds": [3, 4]})
    loaded = load(source_of(made))
    listeners = Listeners(quiet, Progress(quiet))
    run_alone(train_network("mlp", loaded, made, torch.device("cpu"), listeners))
    base = load_model(made.output_dir / "mlp")
    further = request(tmp_path, {"tune_learning_rate": 0.5}, start=made.output_dir)
    known = Known(base.spec.columns, base.vocabulary, base.spec.problem)
    plan = plan_of("mlp", load(source_of(further), known=known), further)
    assert [one.seed for one in plan.planned] == [3, 4]
    assert {member.learning_rate for member in plan.members} == {0.5}
    for member, saved in zip(plan.members, base.members, strict=True):
        assert member.start is not None and {*member.start} == {*saved.state}
