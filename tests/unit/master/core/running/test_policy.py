"""How long a run waits is as the page says."""

from __future__ import annotations

from pathlib import Path

from master.core.running.policy import Policy

PAGE = Path(__file__).parents[5] / "docs" / "running.md"


def test_the_page_says_how_long_a_run_waits() -> None:
    minutes = int(Policy.give_up_s / 60), int(Policy.never_up_s / 60)
    told = " ".join(PAGE.read_text(encoding="utf-8").split())
    assert "{} minutes for workers that were up, {} for those that never were".format(*minutes) in told
    assert f"`--lease`, {Policy.lease_s:g} s" in told
