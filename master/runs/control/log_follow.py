"""Follows the log of a job from try to try: live from its worker, else from what came home of it."""

from __future__ import annotations

import base64
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from master import steady_clock
from master.adapters.watching.log_watches import Ending, LogWatch, LogWatches, Written
from master.core.explaining.cause_json import to_json
from master.core.explaining.explain import explain
from master.core.running.lifecycle import ENDED, WITH_A_WORKER, State, Trigger
from master.runs.snapshot import SharedState
from master.storage.run_layout import RunLayout
from worker_agent.protocol.logs.kept import FAR, ended_log, is_far, last_lines, read
from worker_agent.protocol.logs.watching import CHUNK_BYTES
from worker_agent.protocol.messages import Welcome

Frame = dict[str, Any]
"""What a follower is told; an empty one says that the master lives."""
LOOK_S = LISTEN_S = 0.25
"""Between two looks at the job, and how long a worker may say nothing before."""
HOMEWARD_S = 10.0
"""How long the log of a try that has ended may be on its way home."""
_LIVE = (State.RUNNING, State.COLLECTING)


class Watchable(Protocol):
    """The link to a worker, as far as logs are looked at over it."""

    @property
    def watches(self) -> LogWatches: ...

    @property
    def welcome(self) -> Welcome | None: ...


@dataclass(frozen=True)
class _Look:
    """How a job stands."""

    state: State
    attempt: int
    worker: str
    note: str


class LogFollower:
    """One who follows one job."""

    def __init__(
        self,
        shared: SharedState,
        links: Mapping[str, Watchable],
        layout: RunLayout,
        job_id: str,
        lines: int | None = None,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        """`lines` begins with the last ones of the first log that there is, None with its beginning."""
        self._shared, self._links, self._layout = shared, links, layout
        self._job_id, self._lines, self._pause = job_id, lines, pause
        self._attempt, self._is_over, self._is_gone = 0, True, False
        self._places: dict[int, int] = {}
        """How far the log of each try was shown."""
        self._told: object = None
        self._homeward_s = 0.0
        """How long its log has been waited for since it ended."""

    def frames(self) -> Iterator[Frame]:
        """Yield what there is to show, and something at least every second, until the job has ended."""
        while True:
            look = self._look()
            if not self._is_over:
                yield from self._go_on(look)
            elif look.attempt != self._attempt:
                yield self._begin(look)
            elif look.state in ENDED:
                yield {"end": look.state.value, "attempt": look.attempt, "note": look.note}
                return
            else:
                yield from self._wait(look)

    def _look(self) -> _Look:
        with self._shared.looking() as state:
            record = state.jobs[self._job_id]
            return _Look(record.state, record.attempt, record.worker or "", record.note)

    def _begin(self, look: _Look) -> Frame:
        """Turn to another try: mostly the next one, an earlier one where that goes on after all."""
        self._attempt, self._is_over, self._is_gone = look.attempt, False, False
        self._homeward_s = 0.0
        return {"begin": look.attempt, "worker": look.worker if look.state in WITH_A_WORKER else None}

    def _go_on(self, look: _Look) -> Iterator[Frame]:
        is_current = look.attempt == self._attempt and look.state in WITH_A_WORKER
        if is_current and look.state in _LIVE and not self._is_gone:
            yield from self._live(look)
        elif is_current:
            yield from self._wait(look)
        else:
            yield from self._home()

    def _live(self, look: _Look) -> Iterator[Frame]:
        link = self._links.get(look.worker)
        welcome = link.welcome if link else None
        if welcome and not welcome.facts.shows_logs:
            self._is_gone = True
            yield {
                "says": f"the agent on {look.worker} is of an earlier version, which shows no logs of what "
                "runs: shown is what comes home when the try ends"
            }
        elif link is None or welcome is None:
            yield from self._lost(look)
        else:
            watch = link.watches.open(self._job_id, self._attempt, self._place, self._lines)
            try:
                yield from self._watched(watch, look)
            finally:
                watch.close()

    def _watched(self, watch: LogWatch, look: _Look) -> Iterator[Frame]:
        while True:
            item = watch.next(LISTEN_S)
            if isinstance(item, Written):
                if item.is_far:
                    yield {"says": FAR}
                yield self._shown(item.offset, item.data)
            elif item is Ending.LOST:
                yield from self._lost(look)
                return
            elif item is not None:
                self._is_over, self._is_gone = item is Ending.OVER, item is Ending.GONE
                return
            else:
                yield {}
                now = self._look()
                if (now.attempt, now.worker) != (self._attempt, look.worker) or now.state not in _LIVE:
                    return

    def _lost(self, look: _Look) -> Iterator[Frame]:
        yield from self._tell(
            ("lost", self._attempt, look.worker),
            {"says": f"{look.worker} is not connected: its log goes on when it is back"},
        )
        self._rest()
        yield {}

    def _home(self) -> Iterator[Frame]:
        """Show what came home of a try that has ended, or say that it did not."""
        try:
            parts = ended_log(str(self._layout.log(self._job_id, self._attempt)))
            if self._lines is not None:
                self._places[self._attempt] = place = last_lines(parts, self._lines)
                if is_far(parts, place):
                    yield {"says": FAR}
            while (piece := read(parts, self._place, CHUNK_BYTES)).data:
                yield self._shown(piece.offset, piece.data)
            self._is_over = True
        except OSError:
            has_run = self._has_run()
            self._is_over = self._homeward_s >= HOMEWARD_S or not has_run
            if not has_run:
                yield {"says": f"try {self._attempt} ended before it had begun: it has written nothing"}
            elif self._is_over:
                rest = "what followed" if self._place else "its log"
                yield {"says": f"try {self._attempt} has ended, and {rest} did not come home"}
            self._rest()
            self._homeward_s += LOOK_S
            yield {}

    def _has_run(self) -> bool:
        """Tell whether the try that is followed has begun, or may have: of a cancelled one its end tells."""
        began = f"{Trigger.START.value}#{self._attempt}@"
        with self._shared.looking() as state:
            record = state.jobs[self._job_id]
            ended = record.finished if record.attempt == self._attempt else None
            return (
                any(line.startswith(began) for line in record.history)
                or any((self._job_id, self._attempt) in view.untold for view in state.workers.values())
                or (ended is not None and ended.started_at is not None)
            )

    def _wait(self, look: _Look) -> Iterator[Frame]:
        """Tell, once for each change, what the job waits for; its end, and its way home, are seen anyway."""
        if self._told != look and look.state not in _LIVE:
            with self._shared.looking() as state:
                cause = explain(state, self._job_id)
            if cause:
                yield from self._tell(look, {"waits": to_json(cause), "at": steady_clock.now()})
        self._rest()
        yield {}

    def _tell(self, what: object, frame: Frame) -> Iterator[Frame]:
        if self._told != what:
            self._told = what
            yield frame

    def _rest(self) -> None:
        self._pause(LOOK_S)

    @property
    def _place(self) -> int:
        return self._places.get(self._attempt, 0)

    def _shown(self, offset: int, data: bytes) -> Frame:
        """Return the frame of some bytes, after which the log goes on."""
        cut = 0 if self._lines is not None else offset - self._place
        self._lines, self._places[self._attempt] = None, offset + len(data)
        text = base64.b64encode(data).decode("ascii")
        return {"attempt": self._attempt, "offset": offset, "cut": cut, "data": text}
