"""Replays a journal and asks on the way how long it still takes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random

from benchmarks.eta.shapes import Recorded
from master.core.running.forecast.ahead import Ahead
from master.core.running.forecast.time_left import TimeLeft, time_left
from master.core.running.lifecycle import ENDED, State

ASKED_AT = (0.1, 0.25, 0.5, 0.75, 0.9)
"""Shares of a run's time."""


@dataclass(frozen=True)
class Word:
    """What was said at a time, and what came."""

    share: float
    true_s: float
    left: TimeLeft | None
    """Until all has ended."""
    naive_s: float | None
    """The time so far, for each job that has ended, times the jobs that have not."""


def words(recorded: Recorded, asked_at: Sequence[float] = ASKED_AT) -> Iterator[Word]:
    """Yield what is said at each of these shares of the run's time."""
    ahead, states = Ahead(), dict.fromkeys(recorded.kinds, State.PENDING)
    ahead.counts[State.PENDING] = Counter(recorded.kinds.values())
    begin, end = recorded.transitions[0].at, recorded.transitions[-1].at
    due = [(share, begin + share * (end - begin)) for share in asked_at]
    for item in recorded.transitions:
        while due and item.at > due[0][1]:
            share, at = due.pop(0)
            yield _word(recorded, ahead, states, share, at - begin, end - at, at)
        before = states[item.job_id]
        if before is not item.state:
            ahead.take(item, recorded.kinds[item.job_id], before)
            states[item.job_id] = item.state


def _word(
    recorded: Recorded,
    ahead: Ahead,
    states: dict[str, State],
    share: float,
    so_far_s: float,
    true_s: float,
    at: float,
) -> Word:
    found = time_left(ahead.work(recorded.slots, at), ahead.seen(at), Random(0).random)
    known = [left for left in found.values() if left]
    longest = max(known, key=lambda left: left.middle_s) if len(known) == len(found) else None
    done = sum(state in ENDED for state in states.values())
    naive = so_far_s / done * (len(states) - done) if done else None
    return Word(share, true_s, longest, naive)
