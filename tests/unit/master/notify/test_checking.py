"""What the doctor says of those who are told."""

from __future__ import annotations

from pathlib import Path

import pytest

from master.core.explaining.health import Health
from master.notify import checking
from master.notify.checking import findings_of
from master.notify.messages import Message
from master.notify.sending import Known
from master.specs import ClusterSpec, NotifySpec

CLUSTER = ClusterSpec((), notify=NotifySpec(command=("true",)))


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[Message]:
    found: list[Message] = []
    monkeypatch.setattr(checking, "deliver", lambda spec, message, source: found.append(message) or [])  # type: ignore[func-returns-value]
    return found


def test_without_a_test_nothing_is_sent(sent: list[Message]) -> None:
    (settings,) = findings_of(CLUSTER, "cluster.json", test=False)
    assert settings.health is Health.GOOD and settings.says.startswith("the command true, of the end")
    assert not sent and not findings_of(ClusterSpec(()), "cluster.json", test=False)


def test_a_test_is_sent(sent: list[Message]) -> None:
    *_, last = findings_of(CLUSTER, "cluster.json", test=True)
    assert last.says == "a test message was taken by all" and [each.event for each in sent] == ["test"]


def test_what_goes_wrong_is_broken_and_has_a_cure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checking, "look", lambda spec: Known((), ("the file holds no address",)))
    _, problem = findings_of(CLUSTER, "cluster.json", test=False)
    assert (problem.health, problem.says) == (Health.BROKEN, "the file holds no address") and problem.cure


def test_settings_that_are_wrong_are_a_finding(tmp_path: Path) -> None:
    cluster = ClusterSpec((), notify=NotifySpec(str(tmp_path / "none")))
    (found,) = findings_of(cluster, "cluster.json", test=False)
    assert found.health is Health.BROKEN and "cannot be read" in found.says
