"""How a worker is, from what a look at it told."""

from __future__ import annotations

import pytest

from master.core.explaining.health import Checkup, Finding, Health, judged, told, worst

GB = 10**9


def found(checkup: Checkup) -> list[tuple[str, Health]]:
    return [(each.what, each.health) for each in judged(checkup)]


@pytest.mark.parametrize(
    ("checkup", "what", "health"),
    [
        (Checkup(free_bytes={"~": 100 * GB}), "disk", Health.GOOD),
        (Checkup(free_bytes={"~": 2 * GB}), "disk", Health.DOUBTFUL),
        (Checkup(free_bytes={"~": 10}), "disk", Health.BROKEN),
        (Checkup(ahead_s=-0.4), "clock", Health.GOOD),
        (Checkup(ahead_s=-600.0), "clock", Health.DOUBTFUL),
        (Checkup(kills_on_logout=False), "logout", Health.GOOD),
        (Checkup(kills_on_logout=True, lingers=True), "logout", Health.GOOD),
        (Checkup(kills_on_logout=True, lingers=False), "logout", Health.BROKEN),
        (Checkup(max_sessions=10), "sshd", Health.GOOD),
        (Checkup(max_sessions=1), "sshd", Health.BROKEN),
        (Checkup(max_sessions=10, max_startups=2), "sshd", Health.DOUBTFUL),
    ],
)
def test_each_thing_is_judged(checkup: Checkup, what: str, health: Health) -> None:
    assert found(checkup) == [(what, health)]


def test_what_could_not_be_learned_is_not_judged() -> None:
    assert found(Checkup()) == []


def test_what_is_not_good_has_a_cure() -> None:
    bad = Checkup("me", {"~/a b": 10, "/tmp": GB}, 60.0, False, True, 1, 1)
    findings = list(judged(bad))
    assert len(findings) == 5 and all(each.cure for each in findings)
    assert findings[0].cure.startswith("make room: du -xh '~/a b'")
    assert findings[2].says == "60 s ahead of this machine: times in logs do not compare"
    assert findings[3].cure == "there: loginctl enable-linger me"


def test_the_cure_is_in_the_message() -> None:
    assert told("agent", "no rsync there; install it") == Finding(
        "agent", Health.BROKEN, "no rsync there", "install it"
    )
    said = "refuses every key; for me\n  tried a; b\ncopy a key there with: ssh-copy-id me@h"
    assert told("connection", said).says == "refuses every key; for me"
    assert told("connection", said).cure == "tried a; b copy a key there with: ssh-copy-id me@h"
    assert told("connection", "no answer").cure == ""


def test_a_worker_is_as_its_worst_part() -> None:
    parts = [
        Finding("a", Health.GOOD, ""),
        Finding("b", Health.BROKEN, ""),
        Finding("c", Health.DOUBTFUL, ""),
    ]
    assert worst(parts) is Health.BROKEN
    assert worst([]) is Health.GOOD
