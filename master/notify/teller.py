"""Decides when people are told of a run: it observes the run, and gives messages away."""

from __future__ import annotations

from collections.abc import Callable, Collection

from master import steady_clock
from master.core.running.fleet.worker_view import WorkerView
from master.core.running.lifecycle import ENDED, State
from master.core.running.records import RunState
from master.notify.messages import Message, of_end, of_failure, of_workers
from master.runs.notices import Ended, Notices, Refreshed, Transitions
from master.specs import TOLD_OF_END, TOLD_OF_FAILURE, TOLD_OF_WORKER

LOOK_EVERY_S = 5.0
MOST_OF_WORKERS = 5
"""Messages about lost workers in a run; each worker is told once."""


class Teller:
    """Hears of a run, on the dispatcher's thread, and sends what people are to be told.

    Of the first failure only, since more of them would say the same; of a worker once it cannot be used, or
    has been silent for so long that its jobs go elsewhere; of the end, unless nothing was to be done.
    """

    def __init__(
        self,
        on: Collection[str],
        place: str,
        send: Callable[[Message], None],
        clock: Callable[[], float] = steady_clock.now,
        began: float | None = None,
    ) -> None:
        """`on` are the events that are told, `place` says which run it is.

        `began` is when the run did, for one who is asked for later: people are waiting for its end.
        """
        self._on, self._place, self._send, self._clock = on, place, send, clock
        self._began, self._looked = clock() if began is None else began, 0.0
        self._any_ended, self._any_failed = began is not None, False
        self._lost: set[str] = set()
        self._of_workers = 0

    def subscribe(self, notices: Notices) -> None:
        """Listen to what is told."""
        notices.listen(Transitions, self._take)
        if TOLD_OF_WORKER in self._on:
            notices.listen(Refreshed, self._look)
        if TOLD_OF_END in self._on:
            notices.listen(Ended, self._end)

    def _take(self, told: Transitions) -> None:
        if self._any_failed:
            return
        for item in told.items:
            self._any_ended = self._any_ended or item.state in ENDED
            if item.state is State.FAILED:
                self._any_failed = True
                if TOLD_OF_FAILURE in self._on:
                    self._send(of_failure(told.state, told.state.jobs[item.job_id], self._place))
                return

    def _look(self, now: Refreshed) -> None:
        if now.at - self._looked < LOOK_EVERY_S or self._of_workers == MOST_OF_WORKERS:
            return
        self._looked = now.at
        views = now.state.workers.values()
        lost = [view for view in views if view.name not in self._lost and _is_lost(view, now.state, now.at)]
        if lost:
            self._of_workers += 1
            self._lost.update(view.name for view in lost)
            self._send(of_workers(lost, now.state, self._place))

    def _end(self, ended: Ended) -> None:
        if self._any_ended or ended.exit_code != 0:
            took = self._clock() - self._began
            self._send(of_end(ended.state, ended.exit_code, took, self._place))


def _is_lost(view: WorkerView, state: RunState, at: float) -> bool:
    silent = view.tried and not view.up and at - view.since > state.policy.lease_s
    return view.leaves is None and (silent or not view.usable)
