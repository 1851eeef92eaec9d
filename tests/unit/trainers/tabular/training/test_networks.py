"""Networks of members: whose weights they begin with, and that each has its own."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from tests.unit.trainers.tabular.training import made
from trainers.common.errors import BadInput
from trainers.tabular.models.registry import MODELS, load
from trainers.tabular.training.members import Examples, Member
from trainers.tabular.training.networks import Networks


def networks(name: str, members: list[Member], **others: Any) -> Networks:
    options = made.options(**others)
    examples = made.examples().to(options.device, options.dtype)
    return Networks(made.spec(name), members, examples, options)


def rows(count: int) -> Examples:
    options = made.options()
    batch = made.examples().to(options.device, options.dtype).take(torch.arange(5))
    return batch.take(torch.arange(5).expand(count, -1))


@pytest.mark.parametrize("name", MODELS)
def test_a_member_computes_what_its_weights_compute_alone(name: str) -> None:
    members = [made.member(seed) for seed in range(2 if MODELS[name].stacks else 1)]
    together = networks(name, members)
    together.module.eval()
    for number in range(len(members)):
        alone, batch = load(made.spec(name), together.weights(number)), rows(len(members))
        expected = alone(batch.numeric[number], batch.categories[number])
        torch.testing.assert_close(together.outputs(batch)[number], expected, rtol=1e-12, atol=1e-12)


def test_weights_depend_on_the_seed_of_a_member_and_not_on_its_neighbours() -> None:
    together = networks("mlp", [made.member(seed) for seed in (4, 5, 4)])
    alone = networks("mlp", [made.member(5)])
    assert torch.equal(together.weights(1)["head.weight"], alone.weights(0)["head.weight"])
    assert torch.equal(together.weights(0)["head.weight"], together.weights(2)["head.weight"])
    assert not torch.equal(together.weights(0)["head.weight"], together.weights(1)["head.weight"])


@pytest.mark.parametrize("name", MODELS)
def test_a_member_begins_with_the_weights_of_its_parent(name: str) -> None:
    parent = networks(name, [made.member(5)]).weights(0)
    child = networks(name, [made.member(6, start=parent)]).weights(0)
    assert set(child) == set(parent)
    assert all(torch.equal(value, parent[key]) for key, value in child.items())


def test_a_parent_of_another_network_is_refused() -> None:
    parent = networks("realmlp", [made.member(5)]).weights(0)
    with pytest.raises(BadInput, match="these weights are of another mlp"):
        networks("mlp", [made.member(6, start=parent)])


def test_what_is_kept_are_the_weights_of_those_that_stay() -> None:
    together = networks("mlp", [made.member(seed) for seed in range(3)])
    last = together.weights(2)
    together.keep([2])
    assert all(torch.equal(value, last[key]) for key, value in together.weights(0).items())
    assert together.outputs(rows(1)).shape == (1, 5, 1)


def test_weights_come_back_from_a_state() -> None:
    first, second = (networks("mlp", [made.member(seed), made.member(9)]) for seed in (1, 2))
    second.restore(first.state())
    assert torch.equal(second.weights(0)["head.weight"], first.weights(0)["head.weight"])


def test_only_members_that_are_trained_apart_are_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    compiled: list[object] = []
    monkeypatch.setattr(torch, "compile", lambda module: compiled.append(module) or module)
    alone = networks("mlp", [made.member(0)], compile=True)
    assert compiled == [alone.module]
    assert alone.are_compiled
    together = networks("mlp", [made.member(0), made.member(1)], compile=True)
    assert len(compiled) == 1
    assert not together.are_compiled
