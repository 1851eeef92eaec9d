"""Progress: epochs of all members, the time that is left at most, and lines that do not flood."""

from __future__ import annotations

import pytest

from trainers.tabular.running.progress import Progress, duration


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize("order", [[0, 1] * 3, [0] * 3 + [1] * 3])
def test_members_that_are_stacked_and_in_turn_are_counted_alike(order: list[int]) -> None:
    told: list[tuple[int, int]] = []
    progress = Progress(lambda line: None, lambda epoch, epochs, **_: told.append((epoch, epochs)))
    progress.begin("mlp", 2, 3)
    done = {0: 0, 1: 0}
    for member in order:
        done[member] += 1
        progress.epoch(member, {"epoch": done[member], "val_loss": 1.0})
    assert told == [(1, 3), (2, 3), (3, 3)]


def test_what_is_left_is_told_by_the_time_of_epochs_so_far() -> None:
    clock, figures, lines = Clock(), [], []
    progress = Progress(lines.append, lambda *_, **given: figures.append(given), clock)
    progress.begin("mlp", 1, 10)
    clock.now = 3.0
    progress.epoch(0, {"epoch": 1, "train_loss": 0.5, "val_loss": 0.25})
    assert figures == [{"train_loss": 0.5, "val_loss": 0.25, "eta_seconds": 27.0}]
    assert lines == ["mlp  epoch 1/10  train loss 0.5  val loss 0.25  at most 0:27 left"]


def test_a_training_that_goes_on_counts_its_own_epochs_alone() -> None:
    clock, figures = Clock(), []
    progress = Progress(lambda line: None, lambda *_, **given: figures.append(given), clock)
    progress.begin("mlp", 1, 100)
    clock.now = 2.0
    progress.epoch(0, {"epoch": 91})
    assert figures[0]["eta_seconds"] == 18.0


def test_lines_have_seconds_between_them() -> None:
    clock, lines = Clock(), []
    progress = Progress(lines.append, None, clock)
    progress.begin("mlp", 1, 10)
    for epoch in range(1, 10):
        clock.now = epoch * 0.5
        progress.epoch(0, {"epoch": epoch})
    assert len(lines) == 3


@pytest.mark.parametrize(("seconds", "text"), [(0, "0:00"), (61.4, "1:01"), (3723, "1:02:03")])
def test_times_are_short(seconds: float, text: str) -> None:
    assert duration(seconds) == text
