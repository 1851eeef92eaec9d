"""A turn of the agent's loop, and how long it waits for the next."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from worker_agent.runtime.agent import Agent


class Parts:
    """What the agent calls, in the order in which it does."""

    def __init__(
        self, *, quiet_s: float = 0.0, executor_s: float | None = None, upkeep_s: float = 1.0
    ) -> None:
        self.calls: list[str] = []
        self.waited: list[float] = []
        self.turns = 0
        network: Any = SimpleNamespace(wait=self.wait, quiet_s=lambda: quiet_s, pump=self.note("pump"))
        self.effects: Any = SimpleNamespace(
            handle=lambda item: self.calls.append(f"handle {item}"),
            take_answers=self.note("answers"),
            execute=self.note("execute"),
            left=False,
        )
        executor: Any = SimpleNamespace(
            started=lambda: ["started"], poll=lambda: ["done"], wait_s=lambda: executor_s
        )
        self.upkeep: Any = SimpleNamespace(
            heed=self.heed,
            keep_time=self.note("time"),
            wait_s=lambda now: upkeep_s - now,
            is_over=False,
        )
        records: Any = SimpleNamespace(write=self.note("write"))
        self.agent = Agent(network, self.effects, records, executor, self.upkeep, lambda: 0.25)

    def heed(self, ended: list[str]) -> list[str]:
        self.calls.append("heed")
        return ended

    def note(self, word: str) -> Any:
        return lambda: self.calls.append(word)

    def wait(self, seconds: float) -> None:
        self.waited.append(seconds)
        self.turns += 1
        if self.turns == 2:
            self.agent.end()


def test_what_is_told_has_been_remembered_before() -> None:
    parts = Parts()
    parts.agent.turn()
    assert parts.calls == [
        *("handle started", "heed", "handle done", "answers", "time", "execute", "write", "pump"),
    ]


def test_nothing_is_told_while_the_network_gathers() -> None:
    parts = Parts(quiet_s=0.1)
    parts.agent.turn()
    assert "pump" not in parts.calls and parts.calls[-1] == "write"


@pytest.mark.parametrize(
    ("waits", "seconds"),
    [
        ({}, 0.75),
        ({"executor_s": 0.5}, 0.5),
        ({"executor_s": 5.0}, 0.75),
        ({"quiet_s": 0.125, "executor_s": 0.5}, 0.125),
        ({"executor_s": -1.0}, 0.0),
    ],
)
def test_it_waits_for_what_is_due_first(waits: dict[str, float], seconds: float) -> None:
    parts = Parts(**waits)
    parts.agent.run()
    assert parts.waited == [seconds, seconds]


@pytest.mark.parametrize("why", ["left", "is_over"])
def test_it_ends_when_the_run_is_over_or_nobody_comes(why: str) -> None:
    parts = Parts()
    setattr(parts.effects if why == "left" else parts.upkeep, why, True)
    parts.agent.run()
    assert parts.turns == 0
