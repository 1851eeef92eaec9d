"""Small trainings for the tests."""

from __future__ import annotations

from typing import Any

import torch

from tests.unit.trainers.tabular.models import tables
from trainers.tabular.data.dataset import Problem
from trainers.tabular.models.registry import ModelSpec
from trainers.tabular.training.members import Examples, Member, Options


def spec(name: str = "mlp", problem: Problem = tables.REGRESSION, **sizes: Any) -> ModelSpec:
    return ModelSpec(name, tables.MIXED, problem, {**tables.SMALL[name], **sizes})


def examples(problem: Problem = tables.REGRESSION, count: int = 120) -> Examples:
    numeric, categories = tables.rows(tables.MIXED, count)
    signal = numeric[:, 0] * numeric[:, 1] + categories[:, 0] + numeric[:, 2].sin()
    if problem.kind == "regression":
        targets = torch.stack([signal * (1 + number) for number in range(len(problem.targets))], 1)
        if problem.viability:
            targets[signal > 2] = torch.nan
        return Examples(numeric, categories, targets)
    edges = torch.quantile(signal, torch.linspace(0, 1, max(2, len(problem.classes)) + 1)[1:-1])
    return Examples(numeric, categories, torch.bucketize(signal, edges))


def member(seed: int = 0, **others: Any) -> Member:
    usual: dict[str, Any] = {"learning_rate": 0.01, "weight_decay": 0.01, "clip_norm": 1.0}
    rows = {"train": torch.arange(80), "val": torch.arange(80, 120)}
    return Member(seed, **{**usual, **rows, **others})


def options(**others: Any) -> Options:
    return Options(**{"epochs": 4, "batch_size": 16, "precision": "float64", **others})
