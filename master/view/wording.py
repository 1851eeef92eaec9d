"""How things are written for the user."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from random import Random
from typing import TYPE_CHECKING, Any

from master.core.harmless import clean
from master.core.json_values import as_number

if TYPE_CHECKING:
    from master.core.planning.plan import Job
    from master.core.running.fleet.holds import Hold
    from master.core.running.forecast.time_left import TimeLeft
    from master.core.running.summary import PhaseCounts
    from worker_agent.protocol.reports import Said

HASH_SHOWN = 12
_STAGE_SHOWN = 24
PHASES: Mapping[int, str] = {1: "base models", 2: "experiments"}
"""What the jobs of a phase are called, unless a command has another word."""
_METRICS_SHOWN = 3
_NARROW = 0.1
"""A range is one figure where it is so narrow, as a share of what lies in its middle."""


def duration(seconds: float | None) -> str:
    """Return a length of time: `0.4s`, `12s`, `3m25s`, `2h03m`, `1d04h`; `–` for None."""
    if seconds is None:
        return "–"
    if seconds < 9.95:
        return f"{max(seconds, 0.0):.1f}s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02d}s"
    if whole < 86400:
        return f"{whole // 3600}h{whole % 3600 // 60:02d}m"
    return f"{whole // 86400}d{whole % 86400 // 3600:02d}h"


def time_of_day(moment: float | None, at: float) -> str:
    """Return a moment as the head node's time of day, with the date where that is another day than `at`."""
    if moment is None:
        return "a while ago"
    day, then = datetime.fromtimestamp(at).date(), datetime.fromtimestamp(moment)
    return then.strftime("%H:%M" if then.date() == day else "%Y-%m-%d %H:%M")


def hold_text(held: Hold, at: float) -> str:
    """Say what a user has decided about a worker: `paused by anna since 22:05 until 08:00: night`."""
    by = f" by {held.by}" if held.by else ""
    until = f" until {time_of_day(held.until, at)}" if held.until is not None else ""
    why = f": {held.why}" if held.why else ""
    return clean(f"{held.word}{by} since {time_of_day(held.at, at)}{until}{why}")


def short_hash(spec_hash: str) -> str:
    """Return the start of a hash, enough to tell base models apart."""
    return spec_hash[:HASH_SHOWN]


def job_name(job: Job) -> str:
    """Return what the user calls a job: its id, or `base model`, the start of its hash and its stage."""
    if not job.makes:
        return job.job_id
    named = f"base model {short_hash(job.makes)}"
    return f"{named} ({stage_name(job.stage)})" if job.stage else named


def stage_name(stage: str) -> str:
    """Return the name of a generation in a line that has other things to tell."""
    text = clean(stage)
    return text if len(text) <= _STAGE_SHOWN else f"{text[: _STAGE_SHOWN - 1]}…"


def first_of(names: Sequence[str]) -> str:
    """Return the first of some names, and how many others there are: `alpha/a and 1,203 more`."""
    return f"{names[0]} and {len(names) - 1:,} more" if len(names) > 1 else names[0]


def clock(at: float) -> str:
    """Return a Unix time as date and time of the head node."""
    return datetime.fromtimestamp(at).strftime("%Y-%m-%d %H:%M:%S")


def figure(value: float) -> str:
    """Return a metric in few characters, with four decimals where that says enough."""
    if value.is_integer() and abs(value) > 1:
        return f"{value:.0f}" if abs(value) < 1e9 else f"{value:.3e}"
    return f"{value:.4f}" if 1e-3 <= abs(value) < 1e4 or value == 0 else f"{value:.3e}"


def progress_text(said: Said) -> tuple[str, str]:
    """Return the epoch (`12/30`) and the metrics of a progress message, or the last line of the log."""
    if said.epoch is None:
        return "", clean(said.line or "")
    known = f"{said.epoch:g}/{said.epochs:g}" if said.epochs else f"{said.epoch:g}"
    return known, metrics_text(said.metrics or {})


def metrics_text(metrics: Mapping[str, Any]) -> str:
    """Return the first few figures, those of the validation before the others."""
    numbers = {name: number for name, value in metrics.items() if (number := as_number(value)) is not None}
    ranked = sorted(numbers, key=lambda name: "val" not in name)[:_METRICS_SHOWN]
    return clean("  ".join(f"{name} {figure(numbers[name])}" for name in ranked))


def steady() -> Callable[[], float]:
    """Return the random numbers of forecasts: the same ones each time, so that no figure jumps."""
    return Random(0).random


def left_text(left: TimeLeft) -> str:
    """Return how much time is left: `40m–1h05m left`, or `about 5m left` where the range says no more."""
    low, high = rough(left.low_s), rough(left.high_s)
    if low == high or left.high_s - left.low_s <= _NARROW * left.middle_s:
        return f"about {rough(left.middle_s)} left"
    return f"{low}–{high} left"


def rough(seconds: float) -> str:
    """Return a length of time as exactly as a guess deserves: `12s`, `3m20s`, `40m`, `2h05m`, `1d04h`."""
    for from_s, step in ((7200.0, 300), (600.0, 60), (60.0, 10)):
        if seconds >= from_s:
            return duration(round(seconds / step) * step).replace("m00s", "m")
    return f"{round(seconds)}s"


def counts_text(counts: PhaseCounts, left: TimeLeft | None) -> str:
    """Return how a phase stands: `5/15 done, 2 running, 1 failed, 40s–1m20s left`."""
    ended = counts.total - counts.open
    parts = [f"{counts.succeeded}/{counts.total} done"]
    for number, word in (
        (counts.running, "running"),
        (counts.failed, "failed"),
        (counts.blocked, "blocked"),
        (counts.cancelled, "cancelled"),
        (counts.pruned, "pruned"),
    ):
        if number:
            parts.append(f"{number} {word}")
    if ended < counts.total and left is not None:
        parts.append(left_text(left))
    return ", ".join(parts)


def plural(number: int, one: str, many: str = "") -> str:
    """Return `1 job`, `2 jobs`, `1,234 jobs`."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def ending(name: str, room: int) -> str:
    """Return the end of a name that has no room: there jobs of a sweep differ most."""
    return name if len(name) <= room else f"…{name[len(name) - room + 1 :]}"
