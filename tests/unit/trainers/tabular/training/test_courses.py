"""The way of a member: best epoch, patience, divergence."""

from __future__ import annotations

import math

import pytest

from trainers.tabular.training.courses import Course
from trainers.tabular.training.members import Options


def after(losses: list[float]) -> Course:
    course = Course()
    for number, loss in enumerate(losses, 1):
        course.saw({"epoch": number, "train_loss": loss, "val_loss": loss, "rate": 0.1}, 0.5)
    return course


def test_the_best_epoch_is_the_first_of_the_least_loss() -> None:
    course = after([3.0, 1.0, 2.0, 1.0])
    assert (course.best_epoch, course.best_loss, course.epoch, course.seconds) == (2, 1.0, 4, 2.0)


@pytest.mark.parametrize(
    ("losses", "patience", "over"),
    [
        ([3.0, 2.0], 2, False),
        ([1.0, 2.0], 2, False),
        ([1.0, 2.0, 3.0], 2, True),
        ([1.0, 2.0, 3.0], 0, False),
        ([1.0] * 5, 0, True),
        ([1.0, math.nan], 0, True),
        ([1.0, math.inf], 0, True),
    ],
)
def test_a_member_stops_at_its_epochs_its_patience_or_when_it_diverges(
    losses: list[float], patience: int, over: bool
) -> None:
    assert after(losses).is_over(Options(5, patience=patience)) is over


def test_a_loss_that_is_no_number_is_never_the_best() -> None:
    assert after([math.nan]).best_epoch == 0
    course = after([2.0, math.nan])
    assert (course.best_epoch, course.diverged) == (1, True)


def test_a_course_comes_back_from_its_state() -> None:
    course = after([2.0, 1.0])
    assert Course.read(course.state()) == course
