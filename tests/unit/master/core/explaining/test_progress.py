"""When a job ends by what it says of itself."""

from __future__ import annotations

import pytest

from master.core.explaining.causes import Cause, Why
from master.core.explaining.progress import Progress, sharpened


@pytest.mark.parametrize(
    ("progress", "end"),
    [
        (Progress(140.0, 4, 10), 200.0),
        (Progress(200.0, 10, 10), 200.0),
        (Progress(140.0, 4), None),
        (Progress(140.0, 0, 10), None),
        (Progress(140.0, 11, 10), None),
        (Progress(100.0, 4, 10), None),
    ],
)
def test_its_own_pace_tells_the_end(progress: Progress, end: float | None) -> None:
    assert progress.end(100.0) == end


def test_others_of_its_kind_tell_more_while_it_has_hardly_begun() -> None:
    cause = Cause(Why.RUNS, "lab1", since=100.0, until=150.0)
    assert sharpened(cause, Progress(101.0, 1, 100)) == cause
    assert sharpened(cause, Progress(140.0, 40, 100)).until == 200.0
    assert sharpened(Cause(Why.RUNS, "lab1", since=100.0), Progress(101.0, 1, 100)).until == 200.0


def test_one_that_does_not_run_has_no_pace() -> None:
    cause = Cause(Why.STARTS, "lab1", since=100.0)
    assert sharpened(cause, Progress(140.0, 4, 10)) == cause
    assert sharpened(Cause(Why.RUNS, "lab1"), Progress(140.0, 4, 10)).until is None


@pytest.mark.parametrize("wrong", [{}, {"at": 1.0, "epoch": "x", "epochs": None, "metrics": {}}])
def test_what_cannot_be_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises((ValueError, LookupError, TypeError)):
        Progress.of(wrong)
