"""Signals become events of the run."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from queue import SimpleQueue

import pytest

from master.adapters.inbox import Inbox, Noted, Received
from master.core.running import events as ev
from master.runs.stop_signals import Stops, on_signals

STOPPING = (signal.SIGINT, signal.SIGTERM)


@pytest.fixture
def inbox() -> Inbox:
    return SimpleQueue()


@pytest.fixture
def left(inbox: Inbox) -> Iterator[list[int]]:
    """With what exit codes the process would have been left, while signals are events at time 7."""
    codes: list[int] = []
    with on_signals(Stops(inbox, clock=lambda: 7.0).ask, leave=codes.append):
        yield codes


def read(inbox: Inbox) -> list[object]:
    items = [inbox.get() for _ in range(inbox.qsize())]
    assert all(isinstance(item, (Noted, Received)) for item in items)
    return [item.event if isinstance(item, Received) else getattr(item, "text", "") for item in items]


@pytest.mark.parametrize("number", STOPPING)
def test_the_first_stops_the_second_cancels_the_third_leaves(
    inbox: Inbox, left: list[int], number: signal.Signals
) -> None:
    signal.raise_signal(number)
    said, event = read(inbox)
    assert event == ev.StopRequested(7.0)
    assert "running jobs may finish" in str(said) and "again to cancel" in str(said)
    signal.raise_signal(number)
    said, event = read(inbox)
    assert event == ev.CancelRequested(7.0)
    assert "again to leave at once" in str(said)
    assert left == []
    signal.raise_signal(number)
    assert left == [130]
    assert read(inbox) == []


def test_interrupt_and_terminate_count_together(inbox: Inbox, left: list[int]) -> None:
    for number in STOPPING:
        signal.raise_signal(number)
    assert [item for item in read(inbox) if not isinstance(item, str)] == [
        ev.StopRequested(7.0),
        ev.CancelRequested(7.0),
    ]
    assert left == []


def test_the_handlers_of_before_come_back(inbox: Inbox) -> None:
    numbers = (*STOPPING, signal.SIGHUP)
    before = [signal.getsignal(number) for number in numbers]
    with pytest.raises(ZeroDivisionError), on_signals(Stops(inbox).ask):
        assert [signal.getsignal(number) for number in numbers] != before
        raise ZeroDivisionError
    assert [signal.getsignal(number) for number in numbers] == before


@pytest.mark.parametrize("resumes", [True, False])
def test_where_the_same_command_goes_on_that_is_said(inbox: Inbox, resumes: bool) -> None:
    Stops(inbox, lambda: 7.0, resumes=resumes).ask()
    said, _ = read(inbox)
    assert ("the same command goes on later" in str(said)) == resumes
