"""What the jobs of a search have come to, in their own terms."""

from __future__ import annotations

import pytest

from master.core.running.commands import Measured
from master.core.running.lifecycle import State, Trigger
from master.core.running.pruning.contests import Contests
from master.specs import ASHA, MAXIMIZE, PruneSpec
from worker_agent.protocol.reports import Said


def contests(spec: PruneSpec = PruneSpec(ASHA, "loss")) -> Contests:  # noqa: B008
    found = Contests(spec)
    for name, contest in (("a", "x"), ("b", "x"), ("c", "y")):
        found.enter(name, contest)
    return found


def said(epoch: float, **metrics: float) -> Said:
    return Said(epoch=epoch, metrics=metrics)


def test_jobs_of_one_contest_are_compared_and_of_others_not() -> None:
    found = contests()
    assert found.of("a") is found.of("b") is not found.of("c")
    assert "a" in found and "d" not in found


@pytest.mark.parametrize(("direction", "worse"), [("minimize", 0.9), (MAXIMIZE, 0.1)])
def test_what_is_better_is_as_its_user_says(direction: str, worse: float) -> None:
    found = contests(PruneSpec(ASHA, "loss", direction))
    found.take("a", said(1, loss=0.5))
    assert found.take("b", said(1, loss=worse)) == [Measured("loss", 1, worse)]
    verdict = found.of("b").verdict("b", lambda name: True, lambda name: False)
    assert verdict and found.measured(verdict.mark, verdict.figure) == Measured("loss", 1, worse)
    assert found.of("a").verdict("a", lambda name: True, lambda name: False) is None


def test_what_the_journal_tells_of_another_metric_is_nothing_to_this_one() -> None:
    found = contests()
    found.note("a", Measured("f1", 1, 0.9))
    found.note("nobody", Measured("loss", 1, 0.9))
    assert found.silent() == ["a", "b", "c"]
    found.note("a", Measured("loss", 1, 0.9))
    assert found.silent() == ["b", "c"] and found.of("a").entrants["a"].figures == [0.9]


def test_a_contest_is_looked_at_once_after_what_may_make_room() -> None:
    found = contests()
    while found.next_to_look_at():
        pass
    found.note_move("a", Trigger.START, State.RUNNING)
    assert found.next_to_look_at() is None
    found.note_move("a", Trigger.FAIL, State.FAILED)
    found.take("b", said(3, loss=0.5))
    assert found.next_to_look_at() is found.of("a")
    assert found.next_to_look_at() is None


def test_who_was_silent_is_told_with_what_it_said_instead() -> None:
    found = contests(PruneSpec(ASHA, "loss", step="tokens"))
    assert found.why_silent(["a"]) == (
        "a could not be pruned, never having told of `loss` and `tokens`: "
        "its script reports no metrics of its progress"
    )
    for number in range(30):
        found.take("a", said(1, **{f"m{number}": 1.0}))
    assert found.why_silent(["a", "b"]).startswith("a and 1 more could not be pruned")
    assert len(found.names) <= 30 and "`m3`" in found.why_silent(["a"])
