"""Networks that learn as one come to what each comes to alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.trainers.personalization.fitting.stacks import SPEC, best, trainee, weights, went
from trainers.common.errors import TrainerError
from trainers.personalization.fitting.courses import Progress, Trainee
from trainers.personalization.fitting.training import fit
from trainers.personalization.sampling import Augmentation

MADE = dict[str, Any]

member = st.fixed_dictionaries(
    {
        "seed": st.integers(0, 50),
        "target": st.integers(5, 21),
        "lr": st.sampled_from([1e-3, 0.02, 0.1]),
        "epochs": st.integers(1, 4),
        "patience": st.integers(1, 4),
        "label_smoothing": st.sampled_from([0.0, 0.1]),
        "dropout": st.sampled_from([0.0, 0.2, 0.5]),
        "share": st.sampled_from([None, 0.25, 0.6]),
        "others": st.sampled_from([0, 13]),
    }
)
common = st.fixed_dictionaries(
    {
        "model": st.sampled_from(["mlp", "test", "cnn"]),
        "inputs": st.sampled_from(["raw", "standardised", "quantiles"]),
        "average": st.sampled_from([0.0, 0.9]),
        "augmentation": st.sampled_from([None, Augmentation(0.1, (0.9, 1.1), 0.5)]),
        "least_epochs": st.integers(0, 2),
        "cosine": st.booleans(),
    }
)


def made(shared: MADE, own: MADE, dtype: torch.dtype = torch.float64) -> Trainee:
    spec = replace(SPEC, model=shared["model"], inputs=shared["inputs"], dropout=own["dropout"])
    rest = {
        name: value for name, value in {**shared, **own}.items() if name not in ("model", "inputs", "dropout")
    }
    if not own["others"]:
        rest["share"] = None
    return trainee(spec, dtype=dtype, **rest)


@settings(max_examples=5, deadline=None)
@given(common, st.lists(member, min_size=2, max_size=4))
def test_each_comes_to_what_it_comes_to_alone(shared: MADE, members: list[MADE]) -> None:
    together = [made(shared, own) for own in members]
    for own, one, found in zip(members, together, went(together), strict=True):
        alone = made(shared, own)
        expected = went([alone])[0]
        assert (found.epoch, found.best_epoch) == (expected.epoch, expected.best_epoch)
        for name, curve in expected.curves.items():
            assert found.curves[name] == pytest.approx(curve, rel=1e-10, abs=1e-10)
        torch.testing.assert_close(best(found), best(expected), rtol=1e-10, atol=1e-10)
        torch.testing.assert_close(weights(one.network), weights(alone.network), rtol=1e-10, atol=1e-10)


@settings(max_examples=4, deadline=None)
@given(common, st.lists(member, min_size=2, max_size=4))
def test_in_float32_on_a_cpu_the_bits_do_not_depend_on_how_many_learn(
    shared: MADE, members: list[MADE]
) -> None:
    found = went([made(shared, own, torch.float32) for own in members])
    for own, one in zip(members, found, strict=True):
        expected = went([made(shared, own, torch.float32)])[0]
        assert one.curves == expected.curves and torch.equal(best(one), best(expected))


class Leaves(TrainerError):
    pass


def leaving(one: Trainee, after: int) -> Trainee:
    asked = iter(range(100))

    def may_go_on() -> None:
        if next(asked) >= after:
            raise Leaves

    return replace(one, may_go_on=may_go_on)


@settings(max_examples=3, deadline=None)
@given(common, st.lists(st.tuples(member, st.integers(0, 3) | st.none()), min_size=2, max_size=4))
def test_those_that_leave_change_nothing_for_the_others(
    shared: MADE, members: list[tuple[MADE, int | None]]
) -> None:
    trainees = [
        made(shared, own) if after is None else leaving(made(shared, own), after) for own, after in members
    ]
    for (own, after), ending in zip(members, fit(trainees), strict=True):
        expected = went([made(shared, own)])[0]
        if isinstance(ending, Progress):
            assert after is None or after >= expected.epoch
            torch.testing.assert_close(best(ending), best(expected), rtol=1e-10, atol=1e-10)
        else:
            assert isinstance(ending, Leaves) and after is not None and after <= expected.epoch


def test_one_that_diverges_ends_alone() -> None:
    endings = fit([trainee(seed=1), trainee(seed=2, lr=1e300), trainee(seed=3)])
    assert [isinstance(ending, Progress) for ending in endings] == [True, False, True]
    assert "diverged" in str(endings[1])


def test_networks_of_other_shapes_learn_apart_and_to_the_same() -> None:
    specs = [SPEC, replace(SPEC, hidden_sizes=(9,)), replace(SPEC, model="cnn")]
    found = went([trainee(spec) for spec in specs])
    expected = [went([trainee(spec)])[0] for spec in specs]
    assert [one.curves for one in found] == [one.curves for one in expected]


def test_without_windows_held_out_all_epochs_are_used_and_the_average_stays() -> None:
    again = [replace(trainee(seed=seed, epochs=epochs), val=None) for seed, epochs in ((1, 3), (2, 5))]
    assert [one.epoch for one in went(again)] == [3, 5]
    alone = replace(trainee(seed=1, epochs=3), val=None)
    went([alone])
    assert torch.equal(weights(alone.network), weights(again[0].network))


@pytest.fixture
def two_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize("model", ["mlp", "cnn"])
def test_with_two_threads_the_bits_do_not_depend_on_how_many_learn_either(
    model: str, two_threads: None
) -> None:
    """Of networks so wide that their products are divided among threads."""
    spec = replace(SPEC, model=model, hidden_sizes=(512, 256), conv_channels=(32, 64))
    how: MADE = {"target": 130, "batch_size": 128, "dtype": torch.float32, "epochs": 2}
    found = went([trainee(spec, seed, **how) for seed in range(5)])
    for seed in (0, 3):
        expected = went([trainee(spec, seed, **how)])[0]
        assert found[seed].curves == expected.curves and torch.equal(best(found[seed]), best(expected))
