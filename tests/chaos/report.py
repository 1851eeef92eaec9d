"""What chaos runs came to, as figures and as text.  Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from tests.chaos.evidence import Evidence
from tests.chaos.judge import Verdict, percentile, waits

SHARES = {"p50": 0.5, "p95": 0.95, "most": 1.0}
ALLOWED_WAIT_S = 30.0
"""What 95 of 100 faults may take from their end to the next progress."""


@dataclass
class Report:
    """The sum over runs, each with its own directory, that one seed gave."""

    seed: int
    seconds: float = 0.0
    jobs: int = 0
    runs: int = 0
    executions: int = 0
    again: int = 0
    """Executions beyond the first of their job."""
    damage_seen: int = 0
    """Executions that were given a rotten base model, saw it, and were done again."""
    starts: int = 0
    rebuilds: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    missed: Counter[str] = field(default_factory=Counter)
    """Faults for which there was nothing to hit."""
    waits: defaultdict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    """Kind → seconds from each fault's end to the next progress."""
    verdict: Verdict = field(default_factory=Verdict)

    def add(self, evidence: Evidence, progress: list[float], verdict: Verdict) -> None:
        """Take in a run that has ended."""
        self.runs += 1
        self.jobs += len(evidence.expected)
        self.executions += len(evidence.ran)
        self.again += len(evidence.ran) - len({execution.job for execution in evidence.ran})
        self.damage_seen += sum(execution.damaged for execution in evidence.ran)
        for fault in evidence.faults:
            self.kinds[fault.kind] += 1
            self.waits[fault.kind] += waits([fault], progress)
        self.verdict.add(verdict)

    @property
    def all_waits(self) -> list[float]:
        return [wait for of_kind in self.waits.values() for wait in of_kind]

    @property
    def p95(self) -> float:
        return percentile(self.all_waits, 0.95)

    @property
    def broken(self) -> list[str]:
        """Return each promise that was not kept, as a sentence."""
        late = [f"late: p95 of the waits is {self.p95:.1f} s"] if self.p95 > ALLOWED_WAIT_S else []
        return [*self.verdict.broken, *late]


def as_json(report: Report) -> dict[str, Any]:
    """Return all figures."""
    plain = ("seed", "seconds", "runs", "jobs", "executions", "again", "damage_seen", "starts", "rebuilds")
    return {
        **{name: getattr(report, name) for name in plain},
        "faults": sum(report.kinds.values()),
        "kinds": {kind: _figures(report, kind) for kind in sorted(report.kinds)},
        "missed": dict(report.missed),
        "wait_s": {name: percentile(report.all_waits, share) for name, share in SHARES.items()},
        **{name: len(texts) for name, texts in vars(report.verdict).items()},
        "broken": report.broken,
    }


def _figures(report: Report, kind: str) -> dict[str, float]:
    found = report.waits[kind]
    return {"faults": report.kinds[kind], "p50": percentile(found, 0.5), "most": percentile(found, 1)}


def as_text(report: Report) -> str:
    """Return the table that a person reads."""
    return "\n".join(_lines(as_json(report)))


def _lines(figures: dict[str, Any]) -> Iterator[str]:
    minutes = figures["seconds"] / 60
    yield f"seed {figures['seed']}: {minutes:.1f} min, {figures['runs']} runs, {figures['jobs']} jobs"
    yield f"{figures['faults']} faults of {len(figures['kinds'])} kinds"
    yield f"{figures['starts']} starts of the master, {figures['rebuilds']} with --rebuild"
    yield f"{figures['executions']} executions, {figures['again']} of them again"
    yield f"{figures['damage_seen']} executions saw that their base model was rotten"
    seconds = ", ".join(f"{name} {value:.1f} s" for name, value in figures["wait_s"].items())
    yield f"from a fault's end to the next progress: {seconds}"
    names = ("lost", "doubled", "wrong_bytes", "needless", "complaints")
    yield ", ".join(f"{name.replace('_', ' ')}: {figures[name]}" for name in names)
    yield f"{'fault':28} {'done':>5} {'p50 s':>7} {'most s':>7}"
    for kind, of_kind in figures["kinds"].items():
        yield f"{kind:28} {of_kind['faults']:5} {of_kind['p50']:7.1f} {of_kind['most']:7.1f}"
    yield from figures["broken"]
