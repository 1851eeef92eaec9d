"""What is wrong with a worker, and the command that cures it, judged from what a look at it told."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum

LEAST_FREE_BYTES = 16 << 20
"""With less a job's failure is its place's."""
FEW_FREE_BYTES = 5 << 30
MOST_SKEW_S = 5.0
LEAST_SESSIONS = 3
"""That a worker's sshd must allow on one connection."""
LEAST_STARTUPS = 4
"""Logins at a time: a run opens two connections to a worker, and other runs and people do too."""


class Health(str, Enum):
    """How a thing is."""

    GOOD = "good"
    DOUBTFUL = "doubtful"
    """Runs work; something may go wrong."""
    BROKEN = "broken"
    """The worker cannot be used as it is asked for."""


@dataclass(frozen=True)
class Finding:
    """What was looked at on a worker, and how it is."""

    what: str
    health: Health
    says: str
    cure: str = ""
    """A command, or what to write in the cluster config."""


@dataclass(frozen=True)
class Checkup:
    """What a look at a worker told; what could not be learned is None or empty."""

    user: str = ""
    free_bytes: Mapping[str, int] = field(default_factory=dict)
    """Folder → room on its disk."""
    ahead_s: float | None = None
    """How far its clock is ahead of ours; negative: behind."""
    lingers: bool | None = None
    kills_on_logout: bool | None = None
    max_sessions: int | None = None
    max_startups: int | None = None


def judged(checkup: Checkup) -> Iterator[Finding]:
    """Yield what was found on a worker that answers."""
    yield from (_disk(folder, free) for folder, free in checkup.free_bytes.items())
    yield from filter(None, (_clock(checkup), _linger(checkup), _sshd(checkup)))


def _disk(folder: str, free: int) -> Finding:
    says = f"{free / 1e9:,.1f} GB free for {folder}"
    cure = (
        f"make room: du -xh {shlex.quote(folder)} | sort -h | tail; or another folder in the cluster config"
    )
    if free < LEAST_FREE_BYTES:
        return Finding("disk", Health.BROKEN, says, cure)
    if free < FEW_FREE_BYTES:
        return Finding("disk", Health.DOUBTFUL, says, cure)
    return Finding("disk", Health.GOOD, says)


def _clock(checkup: Checkup) -> Finding | None:
    if checkup.ahead_s is None:
        return None
    off = abs(checkup.ahead_s)
    if off <= MOST_SKEW_S:
        return Finding("clock", Health.GOOD, "as here")
    way = "ahead of" if checkup.ahead_s > 0 else "behind"
    says = f"{off:,.0f} s {way} this machine: times in logs do not compare"
    return Finding("clock", Health.DOUBTFUL, says, "there: sudo timedatectl set-ntp true")


def _linger(checkup: Checkup) -> Finding | None:
    if checkup.kills_on_logout is None:
        return None
    if not checkup.kills_on_logout or checkup.lingers:
        return Finding("logout", Health.GOOD, "jobs outlive it")
    cure = f"there: loginctl enable-linger {shlex.quote(checkup.user)}".rstrip()
    return Finding("logout", Health.BROKEN, "systemd ends jobs there when a connection ends", cure)


def _sshd(checkup: Checkup) -> Finding | None:
    sessions, startups = checkup.max_sessions, checkup.max_startups
    if sessions is not None and sessions < LEAST_SESSIONS:
        says = f"MaxSessions is {sessions}, at least {LEAST_SESSIONS} are needed"
        return Finding("sshd", Health.BROKEN, says, "there, in /etc/ssh/sshd_config: MaxSessions 10")
    if startups is not None and startups < LEAST_STARTUPS:
        says = f"MaxStartups is {startups}: logins at the same time are refused, and tried again"
        return Finding("sshd", Health.DOUBTFUL, says, "there, in /etc/ssh/sshd_config: MaxStartups 10:30:100")
    if sessions is None and startups is None:
        return None
    return Finding("sshd", Health.GOOD, "allows what runs need")


def told(what: str, problem: str, health: Health = Health.BROKEN) -> Finding:
    """Return a finding of a problem whose message has its cure: after a line end, or after a semicolon."""
    first, _, rest = problem.partition("\n")
    if not rest:
        first, _, rest = problem.partition("; ")
    return Finding(what, health, first, " ".join(rest.split()))


def worst(findings: Sequence[Finding]) -> Health:
    """Return how a worker is as a whole."""
    order = list(Health)
    return max((each.health for each in findings), key=order.index, default=Health.GOOD)
