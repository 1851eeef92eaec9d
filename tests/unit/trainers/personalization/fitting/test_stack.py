"""A stack trains its networks by epochs, and goes on as before with those that are left."""

from __future__ import annotations

import torch

from tests.unit.trainers.personalization.fitting.stacks import trainee
from trainers.personalization.fitting.courses import Progress, Trainee
from trainers.personalization.fitting.moments import Moments
from trainers.personalization.fitting.stack import Stack


def stack_of(trainees: list[Trainee]) -> Stack:
    return Stack(trainees, [Moments.of(one.network) for one in trainees])


def test_what_is_cut_out_changes_nothing_for_those_that_are_left() -> None:
    seeds = (1, 2, 3)
    whole, cut = stack_of([trainee(seed=s) for s in seeds]), stack_of([trainee(seed=s) for s in seeds])
    past = [Progress() for _ in seeds]
    whole.epoch(past, [False] * 3), cut.epoch(past, [False] * 3)
    cut.cut([0, 2])
    later = [Progress(epoch=1) for _ in seeds]
    all_scores, left_scores = whole.epoch(later, [False] * 3), cut.epoch(later[:2], [False] * 2)
    assert [all_scores[0], all_scores[2]] == left_scores
    assert [whole.validate()[row] for row in (0, 2)] == cut.validate()
    assert torch.equal(whole.moments(2).means, cut.moments(1).means)
    assert whole.moments(2).steps == cut.moments(1).steps > 0


def test_one_that_waits_draws_nothing_and_the_others_learn_as_if_it_did_not() -> None:
    trainees = [trainee(seed=seed) for seed in (1, 2)]
    waits, goes_on = stack_of(trainees), stack_of([trainee(seed=2)])
    found = waits.epoch([Progress(), Progress()], [True, False])[1]
    assert found == goes_on.epoch([Progress()], [False])[0]
