"""Which members are trained as one."""

from __future__ import annotations

from itertools import chain
from typing import Any

import pytest
import torch

from tests.unit.trainers.tabular.training import made
from trainers.common.errors import BadInput
from trainers.tabular.training.choice import MOST_ON_CPU, planned

GPU = {"device": torch.device("cuda", 0)}


@pytest.mark.parametrize(
    ("name", "others", "stacks", "reason"),
    [
        ("mlp", {}, [[0, 1, 2]], "3 members stacked (3), which is faster on a CPU"),
        ("realmlp", {}, [[0, 1, 2]], "3 members stacked (3), which is faster on a CPU"),
        ("transformer", {}, [[0], [1], [2]], "3 members in turn, because stacking does not make this model"),
        ("transformer", GPU, [[0, 1, 2]], "3 members stacked (3), which is faster on a GPU"),
        ("tabm", GPU, [[0], [1], [2]], "3 members in turn, because this model cannot be stacked"),
        ("transformer", {"stacking": "stacked"}, [[0, 1, 2]], "stacked (3), as asked"),
        ("mlp", {"stacking": "apart"}, [[0], [1], [2]], "3 members in turn, as asked"),
        ("mlp", {"compile": True}, [[0], [1], [2]], "in turn, because they are compiled"),
    ],
)
def test_members_are_stacked_where_that_pays(
    name: str, others: dict[str, Any], stacks: list[list[int]], reason: str
) -> None:
    plan = planned(made.spec(name), [made.member(seed) for seed in range(3)], made.options(**others))
    assert plan.stacks == stacks
    assert reason in plan.reason


def test_large_members_are_not_stacked_on_a_cpu_but_on_a_gpu() -> None:
    members = [made.member(seed) for seed in range(2)]
    large = made.spec(embedding=64, hidden=512, layers=4)
    plan = planned(large, members, made.options())
    assert plan.stacks == [[0], [1]]
    assert "because stacking does not make 953,409 weights each faster on a CPU" in plan.reason
    assert planned(large, members, made.options(**GPU)).stacks == [[0, 1]]


def test_many_members_are_stacks_of_about_one_size() -> None:
    count = 2 * MOST_ON_CPU + 1
    plan = planned(made.spec(), [made.member(seed) for seed in range(count)], made.options())
    assert sorted(map(len, plan.stacks)) == [5, 6, 6]
    assert sorted(chain.from_iterable(plan.stacks)) == list(range(count))


def test_batches_of_other_sizes_are_other_stacks() -> None:
    members = [made.member(0), made.member(1, train=torch.arange(7)), made.member(2)]
    assert planned(made.spec(), members, made.options()).stacks == [[0, 2], [1]]


def test_one_member_is_no_stack() -> None:
    plan = planned(made.spec(), [made.member()], made.options())
    assert (plan.stacks, plan.reason) == ([[0]], "mlp: one member")


def test_what_cannot_be_stacked_is_not_stacked_in_silence() -> None:
    with pytest.raises(BadInput, match="members of tabm cannot be stacked"):
        planned(made.spec("tabm"), [made.member(), made.member(1)], made.options(stacking="stacked"))
