"""How far running jobs are."""

from __future__ import annotations

import math
from typing import Any

import pytest

from master.web.drawn import progress as module
from master.web.drawn.progress import Progress, Report, counted


def report(
    epoch: float, at: float = 10.0, attempt: int = 1, epochs: float | None = 10.0, **metrics: float
) -> dict[str, Any]:
    told = {"at": at, "attempt": attempt, "worker": "w", "epoch": epoch, "epochs": epochs}
    return {**told, "metrics": metrics}


def told(number: int, start: str = "s", **jobs: list[dict[str, Any]]) -> dict[str, Any]:
    return {"start": start, "number": number, "jobs": jobs}


def test_share_and_time_left_follow_from_the_last_report() -> None:
    progress = Progress()
    assert progress.take(told(3, job=[report(1.0, at=5.0), report(2.0, at=10.0, loss=0.25)]))
    found = progress.of("job", 1)
    assert found is not None
    assert found.json(started=0.0, now=14.0) == {
        **{"epoch": 2.0, "epochs": 10.0, "share": 0.2, "left_s": 36.0, "says": "loss 0.2500"}
    }
    assert found.json(started=0.0, now=99.0)["left_s"] == 0.0, "it takes longer than it said"
    assert found.json(started=None, now=14.0)["left_s"] is None


@pytest.mark.parametrize(("epochs", "share"), [(None, None), (0.0, None), (-1.0, None), (1.0, 1.0)])
def test_epochs_that_tell_no_share(epochs: float | None, share: float | None) -> None:
    assert Report.of(report(2.0, epochs=epochs)).json(0.0, 20.0)["share"] == share


def test_another_try_begins_anew_and_an_older_one_has_no_word() -> None:
    progress = Progress()
    progress.take(told(2, job=[report(1.0), report(2.0, loss=1.0)]))
    progress.take(told(3, job=[report(1.0, attempt=2, loss=3.0)]))
    assert progress.of("job", 1) is None and progress.of("other", 1) is None
    assert progress.curves("job") == {"loss": ([1.0], [3.0])}


def test_of_an_epoch_the_last_word_counts_and_what_is_no_number_is_a_gap() -> None:
    progress = Progress()
    progress.take(told(3, job=[report(1.0, loss=1.0), report(2.0, loss=5.0)]))
    progress.take(told(4, job=[report(2.0, loss=math.inf)]))
    assert progress.curves("job") == {"loss": ([1.0, 2.0], [1.0, None])}


def test_another_start_is_asked_from_its_beginning() -> None:
    progress = Progress()
    progress.take(told(7, job=[report(1.0)]))
    assert not progress.take(told(3, start="t")) and progress.number == 0
    assert progress.take(told(3, start="t", job=[report(4.0)])) and progress.number == 3


def test_so_many_jobs_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_JOBS", 2)
    progress = Progress()
    progress.take(told(1, late=[report(1.0)], early=[report(1.0)]))
    progress.take(told(2, fresh=[report(1.0)]))
    assert progress.of("early", 1) is None and progress.of("late", 1) and progress.of("fresh", 1)


def test_long_curves_keep_their_ends() -> None:
    xs, ys = counted({"loss": [float(n) for n in range(1000)]}, 100)["loss"]
    assert (xs[0], xs[-1], ys[-1]) == (1.0, 1000.0, 999.0) and len(xs) <= 101
    assert counted({"a": [1.0, math.nan]}, 100) == {"a": ([1.0, 2.0], [1.0, None])}


def test_no_time_is_left_where_a_script_says_that_there_are_ever_so_many_epochs() -> None:
    endless = module.Report(at=9.0, attempt=1, epoch=1.0, epochs=1e308, metrics={})
    assert endless.json(0.0, 9.0)["left_s"] is None
