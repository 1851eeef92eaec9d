"""What is told of people's models, and that weights must agree."""

from __future__ import annotations

import pytest
import torch

from benchmarks.gpu_check import people
from benchmarks.gpu_check.people import Kind, figures

CPU = torch.device("cpu")


def test_a_kind_has_its_time_and_how_far_the_two_ways_are_apart() -> None:
    found = figures(Kind("mlp", 1, 8, 2, 5), CPU, 1)
    assert list(found) == ["mlp: a step of 2, ms", "mlp: launched over recorded", "mlp: weights apart"]
    assert found["mlp: a step of 2, ms"] > 0 and found["mlp: weights apart"] < 1e-4


def test_weights_that_are_far_apart_are_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(people, "CLOSE", -1.0)
    with pytest.raises(AssertionError, match="weights of recorded steps are"):
        figures(Kind("mlp", 1, 8, 2, 5), CPU, 1)
