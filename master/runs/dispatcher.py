"""The loop that owns the run's state: event → step → journal → commands."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from queue import Empty
from typing import Protocol

from master.adapters.agent_client import WorkerLink
from master.adapters.inbox import Inbox, Noted, Received, Seen
from master.core.running import commands as cmd
from master.core.running import events as ev
from master.core.running.records import Outbox, RunState
from master.core.running.run_state import begin, step
from master.storage.journal import Journal
from master.view.view import View
from worker_agent.protocol import messages as msg

TICK_S = 0.25
MAX_BATCH = 2000
"""Events that share one commit."""
GATHER_S = 0.005
"""Events that come meanwhile share a commit, which costs about half as long."""


class Carrier(Protocol):
    """Moves outcomes and artefacts; answers through the inbox."""

    def collect(self, command: cmd.Collect) -> None: ...

    def collect_failed(self, command: cmd.CollectFailedAttempt) -> None: ...

    def deliver(self, command: cmd.Deliver) -> None: ...


class Dispatcher:
    """Runs a run to its end.  Only this thread touches the state and the journal."""

    def __init__(
        self,
        state: RunState,
        journal: Journal,
        inbox: Inbox,
        links: Mapping[str, WorkerLink],
        carrier: Carrier,
        launch_of: Callable[[str, int, str], msg.Launch],
        view: View,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`launch_of` returns the message that starts `(task_id, attempt)` on a worker."""
        self.state, self._journal, self._inbox = state, journal, inbox
        self._links, self._carrier, self._launch_of = links, carrier, launch_of
        self._view, self._clock = view, clock
        self._exit_code: int | None = None
        self._refreshed = 0.0

    def run(self) -> int:
        """Work until the run is over and return its exit code."""
        self._carry_out([begin(self.state, self._clock())], {})
        if self._exit_code is None:
            for link in self._links.values():
                link.start()
        while self._exit_code is None:
            self._turn()
        self._show(self._clock())
        return self._exit_code

    def _show(self, at: float) -> None:
        """Show what is new.  A terminal that has gone does not end the run."""
        with suppress(OSError):
            self._view.refresh(self.state, at)

    def _turn(self) -> None:
        """Take in what has come, remember it in one commit, then act on it."""
        outboxes: list[Outbox] = []
        acks: dict[str, int] = {}
        for item in self._batch():
            if isinstance(item, Received):
                self._tell(item.event)
                outboxes.append(step(self.state, item.event))
                acks[item.worker] = max(acks.get(item.worker, 0), item.seq)
            elif isinstance(item, Seen):
                self._view.progress(item.worker, item.task_id, item.attempt, item.detail)
            else:
                self._view.note(item.text)
        at = self._clock()
        if at - self._refreshed >= TICK_S:
            self._refreshed = at
            outboxes.append(step(self.state, ev.Tick(at)))
            self._show(at)
        self._carry_out(outboxes, acks)

    def _tell(self, event: ev.Event) -> None:
        """Say what becomes of workers."""
        match event:
            case ev.WorkerUp(_, worker, slots, held):
                self._view.note(f"{worker}: up, {slots} jobs at a time{_held(held)}")
            case ev.SlotsHeldByOthers(_, worker, held) if held != self.state.workers[worker].held_by_others:
                self._view.note(f"{worker}: {self.state.workers[worker].slots} jobs at a time{_held(held)}")
            case ev.WorkerUnusable(_, worker, reason):
                self._view.note(f"{worker}: cannot be used: {reason}")
            case ev.WorkerLost(_, worker, reason) if reason != self.state.workers[worker].reason:
                self._view.note(f"{worker}: not connected, will try again: {reason}")

    def _batch(self) -> list[Received | Seen | Noted]:
        try:
            batch = [self._inbox.get(timeout=TICK_S)]
        except Empty:
            return []
        time.sleep(GATHER_S)
        while len(batch) < MAX_BATCH and not self._inbox.empty():
            batch.append(self._inbox.get())
        return batch

    def _carry_out(self, outboxes: list[Outbox], acks: Mapping[str, int]) -> None:
        transitions = [item for outbox in outboxes for item in outbox.transitions]
        self._journal.append(transitions)
        for transition in transitions:
            self._view.transition(transition, self.state)
        for outbox in outboxes:
            for command in outbox.commands:
                self._execute(command)
        for worker, seq in acks.items():
            if seq:
                self._links[worker].send(msg.Ack(seq))

    def _execute(self, command: cmd.Command) -> None:
        match command:
            case cmd.StartAttempt(worker, task_id, attempt):
                self._links[worker].send(self._launch_of(task_id, attempt, worker))
            case cmd.Cancel(worker, task_id, attempt):
                self._links[worker].send(msg.Cancel(task_id, attempt))
            case cmd.Withdraw(worker, task_id, attempt):
                self._links[worker].send(msg.Withdraw(task_id, attempt))
            case cmd.Release(worker, task_id, attempt):
                self._release(worker, task_id, attempt)
            case cmd.DropCheckpoints(worker, task_id) if worker in self._links:
                self._links[worker].send(msg.DropCheckpoints(task_id))
            case cmd.Collect():
                self._carrier.collect(command)
            case cmd.CollectFailedAttempt():
                self._carrier.collect_failed(command)
            case cmd.Deliver():
                self._carrier.deliver(command)
            case cmd.Dismiss(worker, reason):
                self._view.note(f"{worker}: not used any more: {reason}")
            case cmd.Finish(exit_code):
                self._exit_code = exit_code

    def _release(self, worker: str, task_id: str, attempt: int) -> None:
        if worker in self._links:
            self._links[worker].send(msg.Release(task_id, attempt))


def _held(slots: float) -> str:
    """Say how many of a worker's slots this run has to wait for."""
    return f", {slots:g} of them held by other runs or users" if slots else ""
