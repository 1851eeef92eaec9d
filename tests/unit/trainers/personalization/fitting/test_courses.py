"""What a training is: its rate along the epochs, and which epoch is its best."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.unit.trainers.personalization.fitting.stacks import SCHEDULE
from trainers.personalization.fitting.courses import Progress
from trainers.personalization.scoring import Scores


def test_best_is_the_value_of_the_best_epoch() -> None:
    progress = Progress()
    for loss in (0.5, 0.2, 0.4):
        progress.record(Scores(1.0, 0.1, 0.2), Scores(loss, loss / 2, 0.9))
    assert (progress.best_epoch, progress.best("val_loss"), progress.best("val_f1")) == (2, 0.2, 0.1)


@pytest.mark.parametrize(
    ("epoch", "best", "over"), [(0, 0, False), (4, 4, True), (3, 1, True), (2, 1, False)]
)
def test_epochs_or_patience_end_it(epoch: int, best: int, over: bool) -> None:
    schedule = replace(SCHEDULE, epochs=4, patience=2)
    assert Progress(epoch=epoch, best_epoch=best).is_over(schedule) is over


def test_the_rate_falls_along_the_horizon_whatever_part_of_it_is_trained() -> None:
    whole = replace(SCHEDULE, epochs=8, cosine=True)
    part = replace(whole, epochs=4, horizon=8)
    assert [part.rate(epoch) for epoch in range(1, 5)] == [whole.rate(epoch) for epoch in range(1, 5)]
    assert replace(whole, epochs=4).rate(3) < part.rate(3)
