"""Trainings of several jobs: each comes to what it comes to alone, whoever trains beside it and leaves."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.trainers.tabular.training import made
from tests.unit.trainers.tabular.training.test_train import (
    PROBLEMS,
    STACKING,
    StopError,
    assert_equal,
    interrupted,
    some_members,
)
from trainers.common.errors import BadInput, FullDiskError, TrainerError
from trainers.tabular.training import together
from trainers.tabular.training.members import DivergedError, Member, Reports, Trained, Training
from trainers.tabular.training.together import Outcome, train_together
from trainers.tabular.training.train import train_members


def training(*members: Member, name: str = "mlp", **others: Any) -> Training:
    kept = {key: others.pop(key) for key in ("examples", "reports", "may_go_on") if key in others}
    examples = kept.pop("examples", None) or made.examples()
    return Training(made.spec(name), examples, members, made.options(**others), **kept)


def outcomes(*trainings: Training, between: Callable[[], None] = lambda: None) -> dict[int, Outcome]:
    """Return what came of trainings by their number, in the order in which they ended."""
    found: dict[int, Outcome] = {}

    def ended(number: int, outcome: Outcome) -> None:
        assert number not in found, "a training ends once"
        found[number] = outcome

    train_together(trainings, ended, between)
    return found


def trained(*trainings: Training) -> list[list[Trained]]:
    found = outcomes(*trainings)
    assert all(isinstance(outcome, list) for outcome in found.values()), found
    return [found[number] for number in range(len(trainings))]  # type: ignore[misc]


def alone(one: Training) -> list[Trained]:
    return train_members(one.spec, one.examples, one.members, one.options)


@pytest.mark.parametrize("name", STACKING)
def test_every_network_that_can_be_stacked_is_stacked_over_jobs(name: str) -> None:
    jobs = [training(made.member(seed), name=name, epochs=2, stacking="stacked") for seed in range(2)]
    for one, found in zip(jobs, trained(*jobs), strict=True):
        assert_equal(found, alone(one))


@settings(max_examples=6, deadline=None)
@given(st.data())
def test_what_trains_with_others_is_what_trains_alone(data: st.DataObject) -> None:
    problem, name = data.draw(st.sampled_from(PROBLEMS)), data.draw(st.sampled_from(["mlp", "realmlp"]))
    tables = [made.examples(problem), made.examples(problem, 120)]
    options = made.options(
        epochs=4,
        patience=data.draw(st.sampled_from([0, 1, 2])),
        batch_size=data.draw(st.sampled_from([16, 48])),
        schedule=data.draw(st.sampled_from(["constant", "cosine", "coslog4"])),
    )
    jobs = [
        Training(
            made.spec(name, problem), data.draw(st.sampled_from(tables)), some_members(data.draw), options
        )
        for _ in range(data.draw(st.integers(2, 3)))
    ]
    for one, found in zip(jobs, trained(*jobs), strict=True):
        assert_equal(found, alone(one))


def test_what_trains_in_turn_has_the_bits_that_it_has_alone() -> None:
    jobs = [training(made.member(seed), name="ft_transformer", precision="float32") for seed in range(2)]
    for one, (found,) in zip(jobs, trained(*jobs), strict=True):
        (expected,) = alone(one)
        assert found.history == expected.history
        assert all(torch.equal(value, expected.state[key]) for key, value in found.state.items())


def test_trainings_of_other_shapes_and_options_are_trained_one_kind_after_the_other() -> None:
    said: dict[int, list[str]] = {number: [] for number in range(4)}
    reports = [Reports(said=said[number].append) for number in range(4)]
    jobs = [
        training(made.member(0), made.member(1), reports=reports[0]),
        training(made.member(2), epochs=3, reports=reports[1]),
        training(made.member(3), reports=reports[2]),
        training(made.member(4), name="tabm", reports=reports[3]),
    ]
    for one, found in zip(jobs, trained(*jobs), strict=True):
        assert_equal(found, alone(one))
    assert said[0] == said[2] == ["mlp: 3 members of 2 jobs stacked (3), which is faster on a CPU"]
    assert said[1] == ["mlp: one member"] and said[3] == ["tabm: one member"]


def test_compiled_ones_are_no_others_company(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "compile", lambda module: module)
    said: list[str] = []
    jobs = [
        training(made.member(seed), compile=True, stacking="stacked", reports=Reports(said=said.append))
        for seed in range(2)
    ]
    for one, found in zip(jobs, trained(*jobs), strict=True):
        assert_equal(found, alone(one))
    assert said == ["mlp: one member"] * 2


def test_each_ends_when_its_own_have_stopped() -> None:
    order: list[str] = []
    quick = training(made.member(0, learning_rate=0.3), epochs=30, patience=2)
    slow = training(made.member(1, learning_rate=1e-4), epochs=30, patience=2)
    hears = Reports(lambda _, record: order.append(f"{record['epoch']}"))

    def ended(number: int, outcome: Outcome) -> None:
        order.append(f"{number} ends")

    train_together([replace(slow, reports=hears), quick], ended)
    assert order.index("1 ends") < order.index("0 ends") and order[-2:] == ["30", "0 ends"]


def leaving(after: int) -> Callable[[], None]:
    asked = iter(range(1000))

    def may_go_on() -> None:
        if next(asked) >= after:
            raise TrainerError("left")

    return may_go_on


@pytest.mark.parametrize("name", ["mlp", "ft_transformer"])
def test_one_that_is_to_end_leaves_the_others_as_they_were(name: str) -> None:
    jobs = [training(made.member(seed), name=name) for seed in range(3)]
    left = replace(jobs[0], may_go_on=leaving(2)), replace(jobs[2], may_go_on=leaving(1))
    found = outcomes(left[0], jobs[1], left[1])
    assert str(found[0]) == str(found[2]) == "left" and [*found][-1] == 1
    stayed = found[1]
    assert isinstance(stayed, list)
    assert_equal(stayed, alone(jobs[1]))


def test_between_epochs_others_are_heard() -> None:
    asked: list[int] = []
    outcomes(training(made.member(0)), training(made.member(1)), between=lambda: asked.append(1))
    assert len(asked) == 4, "two that are stacked have their epochs at once"


def test_what_is_wrong_with_one_is_no_others_affair(tmp_path: Path) -> None:
    broken = tmp_path / "c.pt"
    broken.write_text("nothing")

    def full(member: int, record: Any) -> None:
        raise FullDiskError("no room")

    jobs = [
        training(made.member(0, train=torch.arange(0))),
        training(made.member(1), checkpoint=broken),
        training(made.member(2), reports=Reports(full)),
        training(made.member(3, clip_norm=0.0, learning_rate=1e200)),
        training(made.member(4)),
    ]
    found = outcomes(*jobs)
    assert isinstance(found[0], BadInput) and "has no rows to train on" in str(found[0])
    assert isinstance(found[1], BadInput) and "delete it to begin anew" in str(found[1])
    assert isinstance(found[2], FullDiskError)
    assert isinstance(found[3], DivergedError) and "seed 3 at rate 1e+200" in str(found[3])
    good = found[4]
    assert isinstance(good, list)
    assert_equal(good, alone(jobs[4]))


def test_one_that_left_while_another_kind_was_trained_hears_no_more() -> None:
    said: list[str] = []
    late = training(made.member(1), epochs=3, reports=Reports(said=said.append), may_go_on=leaving(1))
    found = outcomes(training(made.member(0)), late)
    assert str(found[1]) == "left" and not said


def test_one_whose_log_takes_no_more_ends_alone() -> None:
    def full(line: str) -> None:
        raise OSError(28, "No space left on device")

    found = outcomes(training(made.member(0), reports=Reports(said=full)), training(made.member(1)))
    assert isinstance(found[0], OSError) and isinstance(found[1], list)


def test_what_cannot_be_stacked_is_told_to_each() -> None:
    jobs = [training(made.member(seed), name="tabm", stacking="stacked") for seed in range(2)]
    assert all("cannot be stacked" in str(outcome) for outcome in outcomes(*jobs).values())


@pytest.mark.parametrize(("name", "after"), [("mlp", 5), ("mlp", 9), ("ft_transformer", 6)])
def test_after_an_interruption_each_goes_on_with_others_or_alone(
    tmp_path: Path, name: str, after: int
) -> None:
    rates = {0: (0.02, 0.1), 1: (0.01,)}
    whole = [
        training(*(made.member(seed, learning_rate=rate) for rate in rates[seed]), name=name, epochs=6)
        for seed in rates
    ]
    options = [
        replace(one.options, checkpoint=tmp_path / f"{number}.pt", checkpoint_seconds=0.0)
        for number, one in enumerate(whole)
    ]
    kept = [replace(one, options=own) for one, own in zip(whole, options, strict=True)]
    stopping = interrupted(after)
    with pytest.raises(StopError):
        outcomes(*(replace(one, reports=stopping) for one in kept))
    heard: list[int] = []
    again = trained(*(replace(one, reports=Reports(lambda n, _: heard.append(n))) for one in kept[:1]))
    again += [alone(kept[1])]
    assert len(heard) < 12
    for one, found in zip(whole, again, strict=True):
        assert_equal(found, alone(one))


@settings(max_examples=6, deadline=None)
@given(st.data())
def test_groups_that_are_killed_at_any_time_go_on_in_any_company(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """What had stopped is not trained again, and all come to what they come to alone."""
    folder = tmp_path_factory.mktemp("killed")
    kept = [
        training(
            *(made.member(3 * number + one, learning_rate=rate) for one, rate in enumerate(rates)),
            **{"epochs": 6, "patience": 2, "checkpoint": folder / f"{number}.pt", "checkpoint_seconds": 0.0},
        )
        for number, rates in enumerate([(0.3, 1e-3), (0.1,), (0.02, 0.2)])
    ]
    lone = [alone(replace(one, options=replace(one.options, checkpoint=None))) for one in kept]
    for after in data.draw(st.lists(st.integers(0, 12), max_size=3)):
        company = data.draw(st.lists(st.sampled_from(range(3)), min_size=1, max_size=3, unique=True))
        stopping = interrupted(after)
        with contextlib.suppress(StopError):
            outcomes(*(replace(kept[number], reports=stopping) for number in company))
    for one, found in zip(lone, trained(*kept), strict=True):
        assert_equal(found, one)
    again = outcomes(*(replace(one, reports=interrupted(0)) for one in kept))
    assert len(again) == 3, "nothing of what is done is trained again"


def test_stacked_ones_that_were_interrupted_go_on_from_where_they_were(tmp_path: Path) -> None:
    kept = [
        training(made.member(seed), epochs=6, checkpoint=tmp_path / f"{seed}.pt", checkpoint_seconds=0.0)
        for seed in range(2)
    ]
    with pytest.raises(StopError):
        outcomes(
            *(
                replace(one, reports=reports)
                for one, reports in zip(kept, [interrupted(99), interrupted(3)], strict=True)
            )
        )
    heard: list[float] = []
    again = trained(*(replace(one, reports=Reports(lambda _, r: heard.append(r["epoch"]))) for one in kept))
    assert heard == [4.0, 4.0, 5.0, 5.0, 6.0, 6.0]
    for one, found in zip(kept, again, strict=True):
        plain = replace(one, options=replace(one.options, checkpoint=None))
        assert_equal(found, alone(plain))


def test_members_that_stay_in_a_recorded_step_after_their_end_change_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """On a GPU a stack is not made anew for each that stops; here the first one stops first."""
    members = [made.member(seed, learning_rate=rate) for seed, rate in enumerate((0.3, 1e-3, 1e-4))]
    usual = trained(training(*members, epochs=12, patience=2))[0]
    monkeypatch.setattr(together, "_compacts", lambda running, left: False)
    kept = trained(training(*members, epochs=12, patience=2))[0]
    assert usual[0].stop_epoch < min(usual[1].stop_epoch, usual[2].stop_epoch)
    assert_equal(kept, usual)
