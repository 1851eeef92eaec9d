"""What attempts said last, kept for who asks."""

from __future__ import annotations

import pytest

from master.runs.control import progress as module
from master.runs.control.answers import with_progress
from master.runs.control.progress import MOST_REPORTS, Place, ProgressBoard
from master.runs.notices import Notices, Seen
from worker_agent.protocol.reports import Said


def seen(job_id: str, epoch: float | None, attempt: int = 1, **metrics: float) -> Seen:
    return Seen("w1", job_id, attempt, Said("a line", epoch, 5.0, metrics or None))


def epochs(board: ProgressBoard, after: int = 0) -> dict[str, list[float]]:
    return {job_id: [each["epoch"] for each in told] for job_id, told in board.told(after)["jobs"].items()}


@pytest.fixture
def board() -> ProgressBoard:
    return ProgressBoard()


def test_a_report_has_all_that_was_said(board: ProgressBoard) -> None:
    Notices([board]).tell(seen("a", 2.0, loss=0.5))
    (report,) = board.told(0)["jobs"]["a"]
    assert report.pop("at") > 0
    assert report == {"attempt": 1, "worker": "w1", "epoch": 2.0, "epochs": 5.0, "metrics": {"loss": 0.5}}


def test_only_what_is_new_is_told(board: ProgressBoard) -> None:
    for job_id, epoch in (("a", 1.0), ("b", 1.0), ("a", 2.0)):
        board.take(seen(job_id, epoch))
    assert epochs(board) == {"a": [1.0, 2.0], "b": [1.0]}
    assert epochs(board, after=2) == {"a": [2.0]}
    assert epochs(board, after=board.told(0)["number"]) == {}


def test_an_epoch_stands_once_with_what_was_said_of_it_last(board: ProgressBoard) -> None:
    for loss in (3.0, 2.0):
        board.take(seen("a", 1.0, loss=loss))
    assert [each["metrics"] for each in board.told(0)["jobs"]["a"]] == [{"loss": 2.0}]
    assert epochs(board, after=1) == {"a": [1.0]}
    board.take(seen("a", 1.0, attempt=2))
    assert epochs(board) == {"a": [1.0, 1.0]}


def test_who_says_nothing_of_epochs_is_not_kept(board: ProgressBoard) -> None:
    board.take(seen("a", None))
    assert board.told(0)["number"] == 0


def test_it_does_not_grow_without_end(board: ProgressBoard, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_JOBS", 2)
    for epoch in range(2 * MOST_REPORTS):
        board.take(seen("a", float(epoch)))
    assert len(epochs(board)["a"]) == MOST_REPORTS
    for job_id in ("b", "c"):
        board.take(seen(job_id, 1.0))
    assert set(epochs(board)) == {"b", "c"}


def test_each_start_is_told_apart(board: ProgressBoard) -> None:
    assert board.told(0)["start"] != ProgressBoard().told(0)["start"]


def test_the_last_report_of_an_attempt_is_told(board: ProgressBoard) -> None:
    for epoch in (1.0, 2.0):
        board.take(seen("a", epoch, attempt=2))
    assert (board.last("a", 2) or {})["epoch"] == 2.0
    assert board.last("a", 3) is None and board.last("b", 1) is None


def test_only_of_a_job_that_runs_it_is_told(board: ProgressBoard) -> None:
    board.take(seen("a", 1.0))
    runs = {"job_id": "a", "state": "running", "attempt": 1}
    assert with_progress(runs, board)["progress"]["epoch"] == 1.0
    assert "progress" not in with_progress({**runs, "state": "ready"}, board)
    assert "progress" not in with_progress({"error": "no job"}, board)


def test_who_hears_another_start_asks_again_from_its_beginning() -> None:
    place = Place()
    assert place.move({"start": "a", "number": 3}) and place.number == 3
    assert not place.move({"start": "b", "number": 9}) and place.number == 0
    assert place.move({"start": "b", "number": 9}) and place.number == 9
