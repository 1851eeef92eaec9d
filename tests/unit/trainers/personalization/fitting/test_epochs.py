"""What networks see in an epoch, and how their answers are scored."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from tests.unit.trainers.personalization.fitting.stacks import trainee
from trainers.personalization.fitting.courses import Trainee
from trainers.personalization.fitting.epochs import Chance, Epoch, Pool, width
from trainers.personalization.scoring import scores

CPU = torch.device("cpu")


def pool_of(trainees: list[Trainee]) -> Pool:
    return Pool(trainees, [one.train.windows for one in trainees])


def begun(trainees: list[Trainee]) -> tuple[Pool, Epoch]:
    pool = pool_of(trainees)
    return pool, Epoch(pool, trainees, [Chance.of(one.schedule, 1, CPU) for one in trainees], 3)


@pytest.mark.parametrize(("windows", "expected"), [(1, 1), (5, 8), (8, 8), (9, 8), (70, 8)])
def test_a_step_is_as_wide_as_a_batch_or_the_next_power_of_two(windows: int, expected: int) -> None:
    assert width(trainee(target=windows).train) == expected


def test_each_network_sees_its_own_batches_in_its_own_order() -> None:
    trainees = [trainee(seed=2, target=9), trainee(seed=1, target=21)]
    pool, epoch = begun(trainees)
    for member, one in enumerate(trainees):
        batches = one.train.batches(Chance.of(one.schedule, 1, CPU).order)
        for step, batch in enumerate(batches):
            assert pool.filled[step][member] == len(batch)
            seen = epoch.windows(step)[member, : len(batch)]
            assert torch.equal(seen, one.train.windows.X_NCT[batch])


def test_only_the_first_ones_take_a_step_that_others_have_not() -> None:
    _, epoch = begun([trainee(target=50), trainee(target=9)])
    assert epoch.active == [2, 2, 2, 2, 1, 1, 1]
    assert len(epoch.windows(6)) == 1


def test_gradients_and_scores_are_those_of_the_mean_cross_entropy() -> None:
    one = trainee(target=13, label_smoothing=0.1)
    _, epoch = begun([one])
    batches = one.train.batches(Chance.of(one.schedule, 1, CPU).order)
    total, answers = 0.0, []
    for step, batch in enumerate(batches):
        answer = torch.randn(1, 8, 3, dtype=torch.float64, requires_grad=True)
        own = answer[0, : len(batch)]
        loss = functional.cross_entropy(own, one.train.windows.y_N[batch], label_smoothing=0.1)
        (expected,) = torch.autograd.grad(loss, answer)
        epoch.remember(step, answer.detach())
        wanted, weight = epoch.targets(step)
        torch.testing.assert_close((answer.detach().softmax(2) - wanted) * weight, expected)
        total += float(loss.detach()) * len(batch)
        answers.append(own.detach().argmax(1))
    truth = one.train.windows.y_N[torch.cat(batches)]
    expected_scores = scores(total / len(truth), truth, torch.cat(answers), 3)
    found = epoch.scores()[0]
    assert found.loss == pytest.approx(expected_scores.loss, rel=1e-12)
    assert (found.f1, found.accuracy) == (expected_scores.f1, expected_scores.accuracy)


def test_those_that_are_cut_out_leave_the_others_their_windows() -> None:
    trainees = [trainee(seed=seed, target=20) for seed in (1, 2, 3)]
    pool = pool_of(trainees)
    pool.cut([2])
    assert torch.equal(pool.X, trainees[2].train.windows.X_NCT) and pool.first == [0]
