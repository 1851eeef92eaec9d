"""Stops attempts, digests what they leave, and deletes it when the master has it."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from worker_agent.attempts.logs import LogLimiter
from worker_agent.attempts.results import collect, is_quick
from worker_agent.core import commands as cmd
from worker_agent.core import transitions
from worker_agent.core.execution import Exit
from worker_agent.core.launch_check import artefacts_of
from worker_agent.core.state import AgentState
from worker_agent.executors.base import Executor
from worker_agent.runtime.effects.table import Handlers
from worker_agent.runtime.host_context import CurrentHost
from worker_agent.runtime.ports import Clock, Workers
from worker_agent.system.faults import is_worker_fault


@dataclass(frozen=True)
class Digested:
    """What an attempt left is digested."""

    exit: Exit
    left: cmd.Collected


class EndingEffects:
    """From the end of an attempt to nothing."""

    def __init__(
        self,
        state: AgentState,
        host: CurrentHost,
        executor: Executor,
        workers: Workers,
        logs: LogLimiter,
        now: Clock,
    ) -> None:
        self._state, self._host, self._executor = state, host, executor
        self._workers, self._logs, self._now = workers, logs, now

    def table(self) -> Handlers:
        """Return what is handled here."""
        return {
            cmd.Stop: self.stop,
            cmd.Collect: self.collect,
            Digested: self.on_digested,
            cmd.Discard: self.discard,
        }

    def stop(self, item: cmd.Stop) -> None:
        """Begin to end an attempt."""
        self._executor.stop(item.key, self._host.context.settings.kill_grace_s)

    def collect(self, item: cmd.Collect) -> None:
        """Digest what an attempt left: in a thread, unless that would take longer than the digesting."""
        context, key = self._host.context, item.exit.key
        attempt = context.attempt(key)
        if not item.exit.traceless:
            context.working_directories.distrust(attempt)
        log = self._logs.leave(key)
        made = context.working_directories.made(attempt)
        is_small = is_quick(attempt, item.launch, made) and not (log and log.was_emptied)
        started_at = self._state.attempts[key].started_at
        ran_s = max(0.0, self._now() - started_at) if started_at is not None else 0.0

        def work() -> Digested:
            try:
                if log:
                    log.settle()
                left = self._left(item, is_small, ran_s)
            except Exception as error:
                problem = f"cannot collect the results: {error!r}"
                left = cmd.Collected(problem, worker_fault=is_worker_fault(error))
            return Digested(item.exit, left)

        if is_small and (item.succeeded or not self._takes_long(item)):
            self.on_digested(work())
        else:
            self._workers.hash(work)

    def _takes_long(self, item: cmd.Collect) -> bool:
        """Return whether what a failed attempt leaves behind, or started from, is to be hashed."""
        return bool(artefacts_of(item.launch)) or not self._host.context.checkpoints.is_empty(item.exit.key)

    def on_digested(self, answer: Digested) -> None:
        """Tell the core what an attempt left."""
        transitions.on_collected(self._state, answer.exit, answer.left, self._now())

    def discard(self, item: cmd.Discard) -> None:
        """Delete the files of an attempt, or keep its directories for another."""
        context = self._host.context
        attempt = context.forget(item.key)
        waste = context.working_directories.recycle(attempt)
        for path in waste:
            self._workers.delete(path)
        is_recycled = attempt.root not in waste
        if item.succeeded and not (is_recycled and context.checkpoints.recycle(item.key)):
            self._workers.delete(context.checkpoints.path(item.key))

    def _left(self, item: cmd.Collect, is_small: bool, ran_s: float) -> cmd.Collected:
        """In a thread, or not."""
        context, key = self._host.context, item.exit.key
        attempt, directories = context.attempt(key), context.working_directories
        made = directories.made(attempt) or directories.remade(attempt, item.launch)
        left = collect(attempt, item.launch, context.cache, made, item.succeeded, is_small)
        if item.succeeded and left.problem is None:
            return left
        rotten = [] if item.stopped else context.cache.rotten(artefacts_of(item.launch), ran_s=ran_s)
        if rotten:
            problem = "; ".join(filter(None, (left.problem, *rotten)))
            left = dataclasses.replace(left, problem=problem, worker_fault=True)
        limit = context.settings.checkpoint_limit_bytes
        return dataclasses.replace(left, checkpoint=context.checkpoints.left(key, limit))
