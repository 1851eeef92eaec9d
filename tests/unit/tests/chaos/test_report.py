"""Figures of chaos runs are summed, and what was not kept is named."""

from __future__ import annotations

from tests.chaos.evidence import Evidence, Expected, Happened, Spoils
from tests.chaos.judge import Verdict
from tests.chaos.report import Report, as_json, as_text
from tests.chaos.tally import Execution

RAN = [Execution("chaos/j0", attempt, "worker-1", str(attempt), float(attempt)) for attempt in (1, 2)]


def summed(wait_s: float, verdict: Verdict) -> Report:
    report = Report(3)
    fault = Happened("kill_agent", Spoils.NOTHING, 1.0, 2.0)
    evidence = Evidence({"chaos/j0": Expected("base")}, RAN, {}, [fault])
    for _ in range(2):
        report.add(evidence, [2.0 + wait_s], verdict)
    return report


def test_runs_are_added_up() -> None:
    figures = as_json(summed(4.0, Verdict()))
    assert (figures["runs"], figures["jobs"], figures["executions"], figures["again"]) == (2, 2, 4, 2)
    assert figures["faults"] == 2 and figures["kinds"]["kill_agent"] == {"faults": 2, "p50": 4.0, "most": 4.0}
    assert figures["broken"] == [] and figures["wait_s"]["p95"] == 4.0


def test_what_was_not_kept_is_named_and_so_is_lateness() -> None:
    report = summed(31.0, Verdict(lost=["j0 has no result"]))
    assert report.broken == ["lost: j0 has no result"] * 2 + ["late: p95 of the waits is 31.0 s"]
    text = as_text(report)
    assert "lost: 2, doubled: 0, wrong bytes: 0" in text and text.endswith("late: p95 of the waits is 31.0 s")
