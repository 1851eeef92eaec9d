"""A job that is told to end leaves between two steps."""

from __future__ import annotations

import signal
import threading

import pytest

from trainers.common.jobs.interrupts import leaving_between_steps
from trainers.common.jobs.members import Cancelled


def test_an_interrupt_is_heard_at_the_next_step() -> None:
    with leaving_between_steps() as may_go_on:
        may_go_on()
        signal.raise_signal(signal.SIGINT)
        with pytest.raises(Cancelled):
            may_go_on()


def test_a_second_interrupt_ends_at_once() -> None:
    with leaving_between_steps():
        signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)


@pytest.mark.parametrize("count", [0, 1])
def test_afterwards_an_interrupt_is_what_it_was(count: int) -> None:
    before = signal.getsignal(signal.SIGINT)
    with leaving_between_steps():
        for _ in range(count):
            signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before


def test_another_thread_than_the_main_one_goes_on() -> None:
    went: list[str] = []

    def work() -> None:
        with leaving_between_steps() as may_go_on:
            may_go_on()
            went.append("on")

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert went == ["on"]
