"""What Slurm's programs say, as values.  Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from master.adapters.allocators.allocator import Allocation, AllocationState
from master.adapters.allocators.slurm.commands import MARK, QUEUE_FORMAT
from master.adapters.allocators.slurm.reasons import explained

_QUEUED = frozenset({"PENDING", "CONFIGURING", "REQUEUED", "REQUEUE_HOLD", "REQUEUE_FED", "SPECIAL_EXIT"})
_RUNNING = frozenset({"RUNNING", "SUSPENDED", "STOPPED", "RESIZING", "SIGNALING", "STAGE_OUT", "COMPLETING"})
"""While one completes its processes are being ended: its agent may still save what runs."""
FAILED = "failed"
"""How the reason of an allocation begins whose own process failed …"""
NOT_BEGUN = "JobLaunchFailure"
"""… and what it holds where its node could not even start that: mostly for a folder that is not there."""
_ID, _MOMENT = re.compile(r"[0-9]{1,18}\Z"), re.compile(r"[0-9]{1,11}\Z")
_DURATION = re.compile(r"(?:([0-9]{1,6})-)?(?:([0-9]{1,6}):)?([0-9]{1,6}):([0-9]{1,6})\Z")
_EXPECTED = re.compile(r"Job \d+ to start at (\S+) using .* in partition (\S+)")


class NoAnswer(Exception):
    """What came is not the answer that was asked for."""


def answer(stdout: bytes) -> str:
    """Return what follows the mark.  Raises NoAnswer where a startup file has ended the shell before."""
    _, mark, after = stdout.decode(errors="replace").rpartition(f"{MARK}\n")
    if not mark:
        raise NoAnswer(after.strip()[-200:] or "nothing")
    return after


def submitted_id(text: str) -> str:
    """Return the id in the answer of `sbatch --parsable`.  Raises NoAnswer."""
    found = text.strip().partition(";")[0]
    if not _ID.match(found):
        raise NoAnswer(text.strip()[-200:] or "nothing")
    return found


def queue(text: str, seats: Mapping[str, str], now: float) -> list[Allocation]:
    """Return the allocations in the answer to a look; `seats` are by name, `now` is our clock.

    A seat may have several, of which all but one have ended as a rule.  Raises NoAnswer for what is no such
    answer.
    """
    clock, *lines = text.splitlines() or [""]
    if not _MOMENT.match(clock):
        raise NoAnswer(clock[:200] or "nothing")
    ahead_s = float(clock) - now
    rows = [line.split("|", QUEUE_FORMAT.count("|")) for line in lines if line.count("|") >= 6]
    ours = [row for row in rows if row[1] in seats]
    if odd := [number for number, *_ in ours if not _ID.match(number)]:
        raise NoAnswer(f"{odd[0][:200]} is no id of an allocation")
    return [_allocation(row, seats[row[1]], now, ahead_s) for row in ours]


def _allocation(row: list[str], seat: str, now: float, ahead_s: float) -> Allocation:
    number, _, word, node, left, start, reason = row
    state = _state(word)
    left_s, begins = seconds(left), moment(start)
    return Allocation(
        seat,
        number,
        state,
        _reason(state, word, reason),
        begins - ahead_s if state is AllocationState.QUEUED and begins is not None else None,
        now + left_s if state is AllocationState.RUNNING and left_s is not None else None,
        node if state is not AllocationState.QUEUED else "",
    )


def _state(word: str) -> AllocationState:
    if word in _QUEUED:
        return AllocationState.QUEUED
    return AllocationState.RUNNING if word in _RUNNING else AllocationState.GONE


def _reason(state: AllocationState, word: str, reason: str) -> str:
    if state is AllocationState.QUEUED:
        return explained(reason)
    if state is AllocationState.RUNNING:
        return "" if word == "RUNNING" else word.lower()
    said = reason if reason not in ("", "None") else ""
    return f"{word.lower()} ({said})" if said else word.lower()


def seconds(text: str) -> float | None:
    """Return a span of time as Slurm writes it, `[days-][hours:]minutes:seconds`; None for a word."""
    found = _DURATION.match(text.strip())
    if not found:
        return None
    days, hours, minutes, rest = (int(part or 0) for part in found.groups())
    return float(((days * 24 + hours) * 60 + minutes) * 60 + rest)


def moment(text: str) -> float | None:
    """Return a time, which old programs write as a local date in spite of our format; None for `N/A`."""
    if _MOMENT.match(text):
        return float(text)
    try:
        return datetime.fromisoformat(text).timestamp()
    except (ValueError, OverflowError, OSError):  # no date, or none that a clock has
        return None


@dataclass(frozen=True)
class Expected:
    """What `sbatch --test-only` expects."""

    at: float | None
    """On the clock of the login host."""
    partition: str


def expected(stderr: str) -> Expected | None:
    """Return when and where a submission would start; None where that is not told."""
    found = _EXPECTED.search(stderr)
    return Expected(moment(found.group(1)), found.group(2)) if found else None


@dataclass(frozen=True)
class Partition:
    """A partition as `sinfo` has it."""

    name: str
    is_default: bool
    is_up: bool
    limit_s: float | None
    """None: no limit."""
    devices: tuple[str, ...]
    """Generic resources, e.g. `gpu:a100:4`."""


@dataclass(frozen=True)
class Site:
    """What a Slurm is like."""

    version: tuple[int, int] | None
    clock: float | None
    partitions: tuple[Partition, ...]
    config: Mapping[str, str]
    file_systems: tuple[str, ...] = ()
    """Of the pool's directories on the login host, in their order, as `stat -f` calls them."""
    login_host: str = ""
    node_hosts: tuple[str, ...] = ()


_TITLES = ("version:", "clock:", "partitions:", "disks:", "host:", "nodes:", "config:")


def site(text: str) -> Site:
    """Return what the answers to our questions say."""
    parts = _sections(text.splitlines(), _TITLES)
    release = re.search(r"(\d+)\.(\d+)", " ".join(parts["version:"]))
    clock = "".join(parts["clock:"]).strip()
    pairs = (line.partition("=") for line in parts["config:"])
    return Site(
        (int(release.group(1)), int(release.group(2))) if release else None,
        float(clock) if _MOMENT.match(clock) else None,
        _partitions(parts["partitions:"]),
        {name.strip(): value.strip() for name, equals, value in pairs if equals},
        tuple(line.strip() for line in parts["disks:"]),
        "".join(parts["host:"]).strip(),
        tuple(dict.fromkeys(line.strip() for line in parts["nodes:"] if line.strip())),
    )


def _sections(lines: Iterable[str], titles: tuple[str, ...]) -> dict[str, list[str]]:
    parts: dict[str, list[str]] = {title: [] for title in titles}
    current: list[str] = []
    for line in lines:
        if line in parts:
            current = parts[line]
        else:
            current.append(line)
    return parts


def _partitions(lines: Iterable[str]) -> tuple[Partition, ...]:
    found: dict[str, Partition] = {}
    for line in lines:
        if line.count("|") < 3:
            continue
        name, up, limit, devices = line.split("|", 3)
        plain = name.rstrip("*")
        more = found[plain].devices if plain in found else ()
        own = tuple(filter(None, re.split(r",(?![^(]*\))", "" if devices == "(null)" else devices)))
        listed = tuple(dict.fromkeys((*more, *own)))
        found[plain] = Partition(plain, name.endswith("*"), up == "up", seconds(limit), listed)
    return tuple(found.values())
