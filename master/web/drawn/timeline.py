"""Which slots of the workers ran what, and when: from the journal, as rows of a bounded size."""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from master.core.running.lifecycle import State, Trigger

MOST_ROWS, MOST_STEPS = 40, 800
"""In an answer; steps are what its width is told apart into."""
_SLACK_S = 1.0
"""The start of a try that is told by its end may be dated so long before the end of the one before it."""
HOWS = ("succeeded", "again", "pruned", "cancelled", "failed", "running")
"""How a try ended; the later ones are shown where several are too short to be told apart."""
_AGAIN, _RUNS = HOWS.index("again"), HOWS.index("running")
_HOW = {
    **{State.COLLECTING.value: 0, State.SUCCEEDED.value: 0},
    **{how: HOWS.index(how) for how in ("pruned", "cancelled", "failed")},
}
_Key = tuple[str, int]


@dataclass
class Lane:
    """What ran one after the other, the oldest first; columns, as there may be 100,000 of them."""

    starts: array[float] = field(default_factory=lambda: array("d"))
    ends: array[float] = field(default_factory=lambda: array("d"))
    jobs: list[str] = field(default_factory=list)
    attempts: array[int] = field(default_factory=lambda: array("l"))
    hows: bytearray = field(default_factory=bytearray)
    runs: tuple[float, str, int] | None = None
    """Start, job and attempt of what runs there now."""

    def is_free(self, at: float) -> bool:
        """Return whether nothing runs there, nor ran there at a time that is told of late."""
        return self.runs is None and (not self.ends or self.ends[-1] <= at + _SLACK_S)

    def close(self, at: float, how: int) -> None:
        """Let end what runs there; a clock that went back makes nothing shorter than nothing."""
        assert self.runs is not None
        start, job_id, attempt = self.runs
        start = max(start, self.ends[-1]) if self.ends else start
        self.starts.append(start)
        self.ends.append(max(at, start))
        self.jobs.append(job_id)
        self.attempts.append(attempt)
        self.hows.append(how)
        self.runs = None


class Timeline:
    """The lanes of each worker: as many as it ran jobs at a time, each job in the first that was free."""

    def __init__(self) -> None:
        self.lanes = dict[str, list[Lane]]()
        self.begin: float | None = None
        """Unix time of the first start."""
        self._open = dict[_Key, Lane]()

    def take(
        self, at: float, job_id: str, trigger: str, state: str, attempt: int, worker: str | None
    ) -> None:
        """Take in a transition."""
        key = job_id, attempt
        if state == State.RUNNING.value and trigger != Trigger.DROP.value:
            if key not in self._open and worker:
                self._begin(at, key, worker)
        elif lane := self._open.pop(key, None):
            lane.close(at, _HOW.get(state, _AGAIN))

    def _begin(self, at: float, key: _Key, worker: str) -> None:
        lanes = self.lanes.setdefault(worker, [])
        lane = next((each for each in lanes if each.is_free(at)), None)
        if lane is None:
            lanes.append(lane := Lane())
        lane.runs = (at, *key)
        self._open[key] = lane
        self.begin = at if self.begin is None else min(self.begin, at)

    def json(self, since: float, until: float, steps: int, offset: int = 0) -> dict[str, Any]:
        """Return what ran in a time, told apart into so many steps: `MOST_ROWS` lanes from one on.

        A piece is [start, end, how, job, attempt], or [start, end, how, count] for several that are too
        short to be told apart; what still runs has no end.
        """
        lanes = [(name, n, lane) for name in sorted(self.lanes) for n, lane in enumerate(self.lanes[name], 1)]
        step = (until - since) / steps
        return {
            "since": since,
            "until": until,
            "lanes": len(lanes),
            "offset": offset,
            "rows": [
                {"worker": name, "lane": n, "pieces": list(pieces(lane, since, until, step))}
                for name, n, lane in lanes[offset : offset + MOST_ROWS]
            ],
        }


def pieces(lane: Lane, since: float, until: float, step: float) -> Iterator[list[Any]]:
    """Yield what ran in a lane in a time; at most two pieces for each step."""
    starts, ends = lane.starts, lane.ends
    here, last = bisect_left(ends, since), bisect_right(starts, until)
    while here < last:
        after = bisect_right(starts, starts[here] + step, here, last)
        if after == here + 1 or ends[here] - starts[here] >= step:
            how = HOWS[lane.hows[here]]
            yield [starts[here], ends[here], how, lane.jobs[here], lane.attempts[here]]
            here += 1
        else:
            how = HOWS[max(lane.hows[here:after])]
            yield [starts[here], ends[after - 1], how, after - here]
            here = after
    if lane.runs and lane.runs[0] <= until:
        start, job_id, attempt = lane.runs
        yield [start, None, HOWS[_RUNS], job_id, attempt]
