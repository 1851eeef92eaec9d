"""Messages about trainings, in their order."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from master.core.running.lifecycle import State
from master.web.api.messages import Messages, Stand
from master.web.api.reports import Report
from tests.unit.master.web.api.test_trainings import ROW, TRAINING


def report(epoch: int, attempt: int = 1, **figures: float) -> Report:
    return Report(attempt, epoch, 4, 10.0 + epoch, {"loss": 0.5, **figures})


def stand(state: State, *epochs: int, fast: bool = False, **row: Any) -> Stand:
    training = replace(TRAINING, fast=fast)
    return Stand(training, replace(ROW, state=state, **row), [report(epoch) for epoch in epochs])


def news(messages: Messages, *stands: Stand) -> list[tuple[Any, ...]]:
    return [
        (each["type"].removeprefix("training_"), each.get("status", each.get("error")), each.get("epoch"))
        for each in messages.news(stands)
    ]


def test_an_epoch_is_told_once_the_next_one_has_begun_then_the_end() -> None:
    messages = Messages()
    assert news(messages, stand(State.READY)) == []
    assert news(messages, stand(State.RUNNING, 1)) == []
    assert news(messages, stand(State.RUNNING, 1, 2, 3)) == [
        ("progress", "training", 1),
        ("progress", "training", 2),
    ]
    assert news(messages, stand(State.COLLECTING, 2, 3)) == []
    assert news(messages, stand(State.SUCCEEDED, 1, 2, 3, 4)) == [
        ("progress", "training", 3),
        ("progress", "training", 4),
        ("progress", "completed", 4),
        ("completed", "completed", None),
    ]
    assert news(messages, stand(State.SUCCEEDED, 1, 2, 3, 4)) == []


def test_a_message_of_progress_has_all_that_clients_read() -> None:
    (first, *_) = Messages().news([stand(State.RUNNING, 1, 2)])
    assert first == {
        "type": "training_progress",
        "job_id": "t1",
        "status": "training",
        "epoch": 1,
        "total_epochs": 4,
        "progress": 25.0,
        "metrics": {"train_loss": 0.5},
        "elapsed_time": 6.0,
        "estimated_remaining": 18.0,
    }


def test_what_the_trainer_says_of_the_time_left_counts_more() -> None:
    known = replace(stand(State.RUNNING), reports=[report(1, eta_seconds=7.0), report(2)])
    (first,) = Messages().news([known])
    assert first["estimated_remaining"] == 7.0


def test_one_that_failed_and_one_that_was_cancelled() -> None:
    assert list(Messages().news([stand(State.FAILED, fast=True, error="no luck")])) == [
        {"type": "training_failed", "job_id": "t1", "error": "no luck", "mode": "fast"}
    ]
    (cancelled,) = Messages().news([stand(State.CANCELLED, error="by anna")])
    assert cancelled["error"] == "cancelled: by anna"


def test_one_of_which_nothing_was_heard_is_completed_all_the_same() -> None:
    assert news(Messages(), stand(State.SUCCEEDED)) == [("completed", "completed", None)]


def test_another_try_is_told_and_so_is_its_end() -> None:
    messages = Messages()
    news(messages, stand(State.FAILED, 1, error="no luck"))
    again = replace(stand(State.RUNNING), reports=[report(1), report(1, attempt=2), report(2, attempt=2)])
    assert news(messages, again) == [("progress", "training", 1)]
    assert news(messages, stand(State.SUCCEEDED))[-1] == ("completed", "completed", None)


def test_what_was_there_before_is_not_told() -> None:
    messages = Messages()
    messages.begin([stand(State.SUCCEEDED, 1)])
    assert news(messages, stand(State.SUCCEEDED, 1)) == []


def test_no_time_is_left_where_a_script_says_that_there_are_ever_so_many_epochs() -> None:
    endless = [Report(1, epoch, 10**308, 10.0 + epoch, {}) for epoch in (1, 2)]
    (told,) = Messages().news([Stand(TRAINING, replace(ROW, state=State.RUNNING, started_at=1.0), endless)])
    assert (told["epoch"], told["estimated_remaining"]) == (1, None)
