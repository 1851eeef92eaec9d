"""Recorded steps come to what plain ones come to, with a recorder that calls them."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from tests.support.recorded_steps import Recorder
from tests.unit.trainers.personalization.fitting.stacks import SPEC, trainee
from trainers.common.cuda_graphs import WARM_UP
from trainers.personalization.fitting.courses import Progress, Trainee
from trainers.personalization.fitting.moments import Moments
from trainers.personalization.fitting.stack import Stack
from trainers.personalization.sampling import Augmentation


def trained(trainees: list[Trainee], recorder: Recorder | None, leave: int | None = None) -> Stack:
    """Return a stack after four epochs, of which one member was cut out after two."""
    stack = Stack(trainees, [Moments.of(one.network) for one in trainees], recorder)
    for epoch in range(4):
        if epoch == 2 and leave is not None:
            stack.cut([row for row in range(len(trainees)) if row != leave])
        count = len(stack.trainees)
        stack.epoch([Progress(epoch=epoch) for _ in range(count)], [False] * count)
    return stack


@pytest.mark.parametrize("augmentation", [None, Augmentation(0.1, (0.9, 1.1), 0.5)])
@pytest.mark.parametrize("model", ["mlp", "cnn", "test"])
def test_weights_are_those_of_plain_steps(model: str, augmentation: Augmentation | None) -> None:
    spec, recorder = replace(SPEC, model=model), Recorder()
    sizes = [(1, 30), (2, 20), (3, 9)]

    def trainees() -> list[Trainee]:
        return [
            trainee(spec, seed, target=target, augmentation=augmentation, lr=0.01) for seed, target in sizes
        ]

    plain, recorded = trained(trainees(), None, leave=1), trained(trainees(), recorder, leave=1)
    torch.testing.assert_close(recorded.rows.values, plain.rows.values, rtol=1e-10, atol=1e-10)
    torch.testing.assert_close(recorded.rows.averages, plain.rows.averages, rtol=1e-10, atol=1e-10)
    for found, expected in zip(recorded.validate(), plain.validate(), strict=True):
        assert found.loss == pytest.approx(expected.loss, rel=1e-9)
        assert (found.f1, found.accuracy) == (expected.f1, expected.accuracy)
    assert recorder.said.count("record") == 2, "once for three, once for those that were left"


def test_only_steps_that_all_take_are_recorded() -> None:
    recorder = Recorder()
    stack = trained([trainee(seed=1, target=40), trainee(seed=2, target=9)], recorder)
    assert stack.moments(0).steps == 4 * 5 and stack.moments(1).steps == 4 * 4
    assert recorder.said.count("repeat") == 4 * 4 - WARM_UP
