"""What systemd is asked of scopes.  A function stands in for it."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from worker_agent.core.excess import Aftermath
from worker_agent.limits import cgroups, scopes
from worker_agent.limits.base import Held
from worker_agent.limits.cgroups import Group
from worker_agent.limits.scopes import Scope
from worker_agent.protocol.terms import JobLimits

UNIT = "twophase-job-1-2-3.scope"


class Systemd:
    """Answers, and the time that passes meanwhile."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *answers: str, takes_s: float = 0.0) -> None:
        self.asked, self.now, self._answers, self._takes_s = list[tuple[str, ...]](), 0.0, answers, takes_s
        monkeypatch.setattr(scopes, "_systemctl", self._answer)
        monkeypatch.setattr(scopes, "_unit_of", lambda pid: UNIT)
        monkeypatch.setattr(scopes, "time", SimpleNamespace(monotonic=lambda: self.now, sleep=self._pass))

    def _answer(self, until: float, *words: str) -> str:
        self.asked.append(words)
        self._pass(min(self._takes_s, until - self.now))
        return self._answers[min(len(self.asked), len(self._answers)) - 1]

    def _pass(self, seconds: float) -> None:
        self.now += seconds


def scope() -> Scope:
    return Scope(Held(("a", 1), 77, b"X=y", JobLimits(memory_bytes=100)))


def test_what_systemd_ended_for_want_of_memory_is_over_its_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    systemd = Systemd(monkeypatch, "ActiveState=active", "Result=oom-kill")
    assert scope().release(killed=True).problem.startswith("over its limit of memory")
    assert [words[0] for words in systemd.asked] == ["show", "show", "reset-failed"]


@pytest.mark.parametrize("takes_s", [0.0, 0.5, 60.0])
def test_one_that_will_not_say_is_asked_for_two_seconds_in_all(
    monkeypatch: pytest.MonkeyPatch, takes_s: float
) -> None:
    systemd = Systemd(monkeypatch, "ActiveState=deactivating", takes_s=takes_s)
    assert scope().release(killed=True) == Aftermath()
    assert systemd.asked and 2.0 <= systemd.now <= 2.2


def test_nothing_is_asked_of_one_that_was_not_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    systemd = Systemd(monkeypatch, "Result=oom-kill")
    assert scope().release(killed=False) == Aftermath()
    assert systemd.asked == []


def test_only_what_systemd_itself_says_first_is_a_refusal() -> None:
    told = "Failed to start transient scope unit: Transport endpoint is not connected"
    assert scopes.refusal(f"{told}\n") == told
    assert scopes.refusal("") == scopes.refusal("Failed to open data\n") == scopes.refusal(f"x\n{told}") == ""


@pytest.mark.parametrize("inside", [True, False], ids=["an agent within a job", "an agent of its own"])
def test_the_scope_that_an_agent_is_in_itself_is_no_job_of_its(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, inside: bool
) -> None:
    killed = list[bool]()
    outer = tmp_path / UNIT
    Systemd(monkeypatch, "")
    monkeypatch.setattr(cgroups, "group_of", lambda pid: outer if pid == 77 or inside else tmp_path)
    monkeypatch.setattr(Group, "kill", lambda group: killed.append(True))
    monkeypatch.setattr(scopes.Watched, "kill", lambda watched: killed.append(False))
    scope().kill()
    assert killed == [not inside]
