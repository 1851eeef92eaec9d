"""What was promised and not kept, from the tally of the jobs and what lies in the run directory.  Pure."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from tests.chaos.evidence import Evidence, Expected, Happened, Spoils
from tests.chaos.tally import Execution

SLACK_S = 1.0
"""Between what a fault does and the times that are noted of it."""
UNTOLD_S = 60.0
"""So long after a journal was spoilt agents may start what they were given before, and nobody knows of."""


@dataclass
class Verdict:
    """A sentence for each promise that was not kept, by promise."""

    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    wrong_bytes: list[str] = field(default_factory=list)
    needless: list[str] = field(default_factory=list)
    """Executions that no fault explains."""
    complaints: list[str] = field(default_factory=list)
    """Whatever else a fault or the driver found not to be as the guide says."""

    @property
    def broken(self) -> list[str]:
        """All of them, each with the name of its promise."""
        return [f"{name}: {text}" for name, texts in vars(self).items() for text in texts]

    def add(self, other: Verdict) -> None:
        """Take over what another run's verdict says."""
        for name, texts in vars(other).items():
            vars(self)[name].extend(texts)


def judge(evidence: Evidence) -> Verdict:
    """Return what is wrong with a run that has ended."""
    by_nonce = {execution.nonce: execution for execution in evidence.ran}
    return Verdict(
        lost=list(_lost(evidence, by_nonce)),
        doubled=list(_doubled(evidence)),
        wrong_bytes=list(_wrong_bytes(evidence, by_nonce)),
        needless=list(_needless(evidence)),
    )


def _lost(evidence: Evidence, by_nonce: dict[str, Execution]) -> Iterator[str]:
    for job, expected in evidence.expected.items():
        result = evidence.results.get(job)
        if result is None and expected.succeeds and not _is_training(job):
            yield f"{job} has no result"
        elif result is not None and not expected.succeeds:
            yield f"{job} must fail, and has a result"
        elif result is not None and not _is_from(by_nonce.get(result.nonce), job):
            yield f"the result of {job} is from no execution of it that ended ({result.nonce})"
    for job in evidence.results.keys() - evidence.expected.keys():
        yield f"{job} was not asked for, and has a result"


def _is_training(job: str) -> bool:
    return job.startswith("base_models/")


def _is_from(execution: Execution | None, job: str) -> bool:
    return execution is not None and execution.job == job and execution.ended is not None


def _doubled(evidence: Evidence) -> Iterator[str]:
    for job, result in evidence.results.items():
        if result.nonce != result.first_nonce:
            yield f"the result of {job} was {result.first_nonce} and is {result.nonce}"
        if result.records > 1:
            yield f"{job} is recorded {result.records} times"


def _wrong_bytes(evidence: Evidence, by_nonce: dict[str, Execution]) -> Iterator[str]:
    for execution in evidence.ran:
        expected = evidence.expected.get(execution.job)
        if expected and execution.ended and execution.base != expected.base:
            yield f"{_name(execution)} used {execution.base}, not {expected.base}"
        if execution.damaged and not any(_may_have_rotted(fault, execution) for fault in evidence.faults):
            yield f"{_name(execution)} got a damaged base model that nobody had damaged"
    for job, result in evidence.results.items():
        wrote = by_nonce.get(result.nonce)
        if wrote and wrote.result != result.digest:
            yield f"the result of {job} is {result.digest}, and its script wrote {wrote.result}"


def _may_have_rotted(fault: Happened, execution: Execution) -> bool:
    return fault.rots and fault.worker == execution.host and fault.begun <= execution.started + SLACK_S


def _needless(evidence: Evidence) -> Iterator[str]:
    of_job: defaultdict[str, list[Execution]] = defaultdict(list)
    for execution in evidence.ran:
        of_job[execution.job].append(execution)
    for job, ran in of_job.items():
        yield from _needless_of(job, ran, evidence)


def _needless_of(job: str, ran: Sequence[Execution], evidence: Evidence) -> Iterator[str]:
    """Yield the executions of a job that were followed by another, and no fault had spoilt."""
    expected = evidence.expected.get(job, Expected(""))
    if not expected.succeeds:
        return  # each start of the master tries it again
    free = expected.tries - 1
    for execution, following in pairwise(ran):
        if execution.damaged or any(spoilt(execution, following, fault) for fault in evidence.faults):
            continue
        if execution.ended is None and free > 0:
            free -= 1
            continue
        yield f"{_name(execution)} was followed by {_name(following)}, and no fault had spoilt it"


def spoilt(execution: Execution, following: Execution, fault: Happened) -> bool:
    """Return whether a fault may be why an execution was done again."""
    late = UNTOLD_S if fault.spoils is Spoils.UNRECORDED else SLACK_S
    meanwhile = fault.begun <= following.started + SLACK_S and fault.ended >= execution.started - late
    return meanwhile and _hits(fault, execution)


def _hits(fault: Happened, execution: Execution) -> bool:
    match fault.spoils:
        case Spoils.NOTHING:
            return False
        case Spoils.JOB:
            return fault.job == execution.job
        case Spoils.WORKER:
            return fault.worker == execution.host
        case Spoils.STORE:
            return _is_training(execution.job)
        case Spoils.UNRECORDED:
            return True


def _name(execution: Execution) -> str:
    return f"{execution.job} (attempt {execution.attempt} on {execution.host}, {execution.nonce[:8]})"


def waits(faults: Iterable[Happened], progress: Sequence[float]) -> list[float]:
    """Return how long after the end of each fault progress came; nothing where none came any more."""
    found = (
        min((at - fault.ended for at in progress if at >= fault.ended), default=None) for fault in faults
    )
    return [wait for wait in found if wait is not None]


def percentile(values: Sequence[float], share: float) -> float:
    """Return the least value that so many are not above, 0.0 where there are none."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else 0.0
