"""Members trained to the end: stacked as apart, best weights, early stopping, a way back."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.trainers.tabular.models import tables
from tests.unit.trainers.tabular.training import made
from trainers.common.errors import BadInput
from trainers.tabular.data.dataset import Problem
from trainers.tabular.models.registry import MODELS, build
from trainers.tabular.training.losses import summed
from trainers.tabular.training.members import DivergedError, Member, Options, Record, Reports, Trained
from trainers.tabular.training.train import train_members

STACKING = sorted(name for name, model in MODELS.items() if model.stacks)
PROBLEMS = [tables.REGRESSION, tables.BINARY, tables.MULTICLASS, tables.TWO_TARGETS_AND_VIABILITY]
FREE, FREE_WITHIN = ("attention.bias", "attention.inward.bias"), 1e-8
"""Biases of keys and of scores: a softmax takes them out, so that Adam scales up what is only rounding."""


def trained(
    name: str, members: list[Member], options: Options, problem: Problem = tables.REGRESSION, **others: Any
) -> list[Trained]:
    return train_members(made.spec(name, problem), made.examples(problem), members, options, **others)


def assert_equal(together: list[Trained], apart: list[Trained], within: float = 1e-10) -> None:
    for one, other in zip(together, apart, strict=True):
        assert (one.stop_epoch, one.best_epoch) == (other.stop_epoch, other.best_epoch)
        for record, expected in zip(one.history, other.history, strict=True):
            assert record == pytest.approx(expected, rel=within, abs=within)
        assert set(one.state) == set(other.state)
        for key, value in one.state.items():
            most = FREE_WITHIN if key.endswith(FREE) else within
            torch.testing.assert_close(value, other.state[key], rtol=within, atol=most)


def some_members(draw: Any) -> list[Member]:
    """Members that differ in all that may differ: seeds, rates, decays, norms, folds."""
    members = []
    for seed in range(draw(st.integers(2, 4))):
        cut = draw(st.integers(40, 100))
        members.append(
            Member(
                seed=draw(st.integers(0, 99)) + 100 * seed,
                learning_rate=draw(st.sampled_from([1e-3, 1e-2, 3e-2])),
                weight_decay=draw(st.sampled_from([0.0, 1e-2, 0.3])),
                clip_norm=draw(st.sampled_from([0.0, 0.1, 1.0])),
                train=torch.arange(cut),
                val=torch.arange(cut, 120),
            )
        )
    return members


@settings(max_examples=10, deadline=None)
@given(st.data())
def test_stacked_members_are_what_they_are_apart(data: st.DataObject) -> None:
    name, problem = data.draw(st.sampled_from(STACKING)), data.draw(st.sampled_from(PROBLEMS))
    members = some_members(data.draw)
    schedule = data.draw(st.sampled_from(["constant", "cosine", "coslog4"]))
    others = {"epochs": 5, "patience": data.draw(st.sampled_from([0, 1, 2])), "schedule": schedule}
    together, apart = (
        trained(name, members, made.options(**others, stacking=way), problem) for way in ("stacked", "apart")
    )
    assert_equal(together, apart)


def test_members_of_a_stack_stop_each_at_its_own_epoch() -> None:
    members = [made.member(seed, learning_rate=rate) for seed, rate in enumerate((1e-4, 0.05, 0.3))]
    options = {"epochs": 30, "patience": 2}
    together = trained("mlp", members, made.options(**options, stacking="stacked"))
    assert len({member.stop_epoch for member in together}) == 3
    assert_equal(together, trained("mlp", members, made.options(**options, stacking="apart")))


def test_the_weights_are_a_copy_of_the_best_epoch() -> None:
    (one,) = trained("mlp", [made.member(learning_rate=0.1)], made.options(epochs=25))
    losses = [record["val_loss"] for record in one.history]
    assert one.best_epoch == losses.index(min(losses)) + 1
    assert one.best_epoch < one.stop_epoch == 25
    network, rows = build(made.spec()).double(), made.examples().take(torch.arange(80, 120))
    network.load_state_dict(one.state)
    outputs = network(rows.numeric.double(), rows.categories).detach()
    loss = summed(tables.REGRESSION, outputs[None], rows.targets.double()[None]).mean
    assert float(loss) == pytest.approx(min(losses), rel=1e-12)


def test_patience_ends_it_and_is_counted_from_the_best_epoch() -> None:
    (one,) = trained("mlp", [made.member(learning_rate=0.1)], made.options(epochs=60, patience=4))
    assert one.stop_epoch == one.best_epoch + 4 < 60


class StopError(Exception):
    """What ends a training before its end."""


def interrupted(after: int) -> Reports:
    heard: list[Record] = []

    def epoch(_: int, record: Record) -> None:
        heard.append(record)
        if len(heard) > after:
            raise StopError

    return Reports(epoch)


@pytest.mark.parametrize("stacking", ["stacked", "apart"])
@pytest.mark.parametrize(("name", "after"), [("mlp", 4), ("mlp", 17), ("ft_transformer", 10)])
def test_after_an_interruption_it_goes_on_to_the_bit(
    tmp_path: Path, name: str, after: int, stacking: str
) -> None:
    members = [made.member(seed, learning_rate=rate) for seed, rate in enumerate((0.02, 0.1, 0.01))]
    options = {"epochs": 8, "patience": 3, "stacking": stacking, "precision": "float32"}
    whole = trained(name, members, made.options(**options))
    kept = {**options, "checkpoint": tmp_path / "c.pt", "checkpoint_seconds": 0.0}
    with pytest.raises(StopError):
        trained(name, members, made.options(**kept), reports=interrupted(after))
    heard: list[int] = []
    again = trained(name, members, made.options(**kept), reports=Reports(lambda n, _: heard.append(n)))
    assert 0 < len(heard) < sum(member.stop_epoch for member in whole)
    for one, other in zip(again, whole, strict=True):
        assert one.history == other.history
        assert all(torch.equal(one.state[key], other.state[key]) for key in one.state)


def test_compiled_it_goes_on_to_the_bit_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is compiled draws its dropout from the global generator, which is started in every epoch."""
    monkeypatch.setattr(torch, "compile", lambda module: module)
    options = {"compile": True, "precision": "float32"}
    (whole,) = trained("transformer", [made.member()], made.options(**options))
    kept = {**options, "checkpoint": tmp_path / "c.pt", "checkpoint_seconds": 0.0}
    with pytest.raises(StopError):
        trained("transformer", [made.member()], made.options(**kept), reports=interrupted(2))
    torch.manual_seed(99)
    (again,) = trained("transformer", [made.member()], made.options(**kept))
    assert again.history == whole.history


def test_what_is_done_is_not_trained_again(tmp_path: Path) -> None:
    options = made.options(checkpoint=tmp_path / "c.pt")
    first = trained("mlp", [made.member(0), made.member(1)], options)
    heard: list[int] = []
    again = trained(
        "mlp", [made.member(0), made.member(1)], options, reports=Reports(lambda n, _: heard.append(n))
    )
    assert not heard
    assert [one.history for one in again] == [one.history for one in first]


@pytest.mark.parametrize(
    ("changed", "told"),
    [({"epochs": 9}, "epochs was 4, is 9"), ({"fingerprint": {"data": "b"}}, 'data was "a", is "b"')],
)
def test_a_checkpoint_of_another_training_is_refused(
    tmp_path: Path, changed: dict[str, Any], told: str
) -> None:
    kept = {"checkpoint": tmp_path / "c.pt", "fingerprint": {"data": "a"}}
    trained("mlp", [made.member()], made.options(**kept))
    with pytest.raises(BadInput, match=told):
        trained("mlp", [made.member()], made.options(**{**kept, **changed}))
    with pytest.raises(BadInput, match="members was"):
        trained("mlp", [made.member(learning_rate=0.5)], made.options(**kept))


def test_a_member_that_diverges_does_not_fail_the_others() -> None:
    members = [made.member(0, clip_norm=0.0, learning_rate=1e200), made.member(1)]
    alone = trained("mlp", members[1:], made.options())
    with pytest.raises(DivergedError, match=r"\(seed 0 at rate 1e\+200\); try a lower learning rate"):
        trained("mlp", members, made.options(stacking="stacked"))
    late = [made.member(0, clip_norm=0.0, learning_rate=1e60), made.member(1)]
    heard: dict[int, list[Record]] = {0: [], 1: []}
    hears = Reports(lambda n, r: heard[n].append(r))
    with contextlib.suppress(DivergedError):
        trained("mlp", late, made.options(stacking="stacked"), reports=hears)
    assert [record["val_loss"] for record in heard[1]] == pytest.approx(
        [record["val_loss"] for record in alone[0].history], rel=1e-10
    )


@pytest.mark.parametrize(
    ("rows", "told"), [("train", "no rows to train on"), ("val", "no rows to validate with")]
)
def test_a_member_without_rows_is_refused(rows: str, told: str) -> None:
    with pytest.raises(BadInput, match=told):
        trained("mlp", [made.member(**{rows: torch.arange(0)})], made.options())


def test_it_is_told_how_members_are_trained() -> None:
    said: list[str] = []
    trained(
        "mlp", [made.member(0), made.member(1)], made.options(epochs=1), reports=Reports(said=said.append)
    )
    assert said == ["mlp: 2 members stacked (2), which is faster on a CPU"]


def test_the_time_of_a_stack_is_shared_by_its_members() -> None:
    found = trained("mlp", [made.member(0), made.member(1)], made.options(stacking="stacked"))
    assert found[0].seconds == found[1].seconds > 0
