"""What counts as output."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from worker_agent.limits.output import OutputMeter
from worker_agent.protocol.layout import AttemptLayout

ENOUGH = 10**9


@pytest.fixture
def attempt(tmp_path: Path) -> AttemptLayout:
    layout = AttemptLayout(str(tmp_path / "a"))
    for folder in (layout.work, layout.output, layout.log_folder):
        Path(folder).mkdir(parents=True)
    return layout


def write(folder: str, name: str, size: int) -> None:
    path = Path(folder, name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x" * size)


def test_log_results_base_model_and_what_is_new_beside_the_code_count(attempt: AttemptLayout) -> None:
    write(attempt.log_folder, "log.txt", 1)
    write(attempt.output, "deep/er/out.pt", 10)
    write(attempt.base_model, "model.pt", 100)
    write(attempt.work, "experiments/new.txt", 1000)
    assert OutputMeter(attempt, 0).written(ENOUGH) == 1111


def test_copies_of_the_code_do_not(attempt: AttemptLayout) -> None:
    write(attempt.work, "code.py", 500)
    write(attempt.output, "out", 7)
    hour_later = time.time_ns() + 3600 * 10**9
    assert OutputMeter(attempt, hour_later).written(ENOUGH) == 7


def test_links_and_holes_do_not(attempt: AttemptLayout, tmp_path: Path) -> None:
    write(str(tmp_path), "data", 5000)
    Path(attempt.work, "data").symlink_to(tmp_path)
    Path(attempt.output, "data").symlink_to(tmp_path / "data")
    with Path(attempt.output, "sparse").open("wb") as stream:
        os.truncate(stream.fileno(), 1 << 40)
    assert OutputMeter(attempt, 0).written(ENOUGH) == 0


def test_a_log_that_was_emptied_counts_with_what_was_in_it(attempt: AttemptLayout) -> None:
    meter = OutputMeter(attempt, 0)
    write(attempt.log_folder, "log.txt", 100)
    assert meter.written(ENOUGH) == 100
    write(attempt.log_folder, "log.txt", 5)
    assert meter.written(ENOUGH) == 105


def test_beyond_enough_it_is_not_counted_on_and_what_is_gone_is_nothing(attempt: AttemptLayout) -> None:
    for number in range(9):
        write(attempt.output, str(number), 10)
    assert OutputMeter(attempt, 0).written(25) == 30
    assert OutputMeter(AttemptLayout("/nowhere"), 0).written(25) == 0
