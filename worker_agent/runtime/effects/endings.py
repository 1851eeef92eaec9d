"""Stops attempts, digests what they leave, and deletes it when the master has it."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path

from worker_agent.attempts.logs import LogLimiter
from worker_agent.attempts.results import collect, is_quick
from worker_agent.cache.use import Use, damage
from worker_agent.core import commands as cmd
from worker_agent.core import queries, transitions
from worker_agent.core.execution import Exit
from worker_agent.core.state import AgentState
from worker_agent.executors.base import Executor
from worker_agent.runtime.effects.table import Handlers
from worker_agent.runtime.host_context import CurrentHost
from worker_agent.runtime.ports import Clock, Workers
from worker_agent.system.faults import is_worker_fault
from worker_agent.system.remove_tree import remove_tree


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
        usual_s = 0.0 if item.at_once else self._host.context.settings.kill_grace_s
        self._executor.stop(item.key, usual_s if item.grace_s is None else item.grace_s)

    def collect(self, item: cmd.Collect) -> None:
        """Digest what an attempt left: in a thread, unless that would take longer than the digesting."""
        context, key = self._host.context, item.exit.key
        attempt = context.attempt(key)
        if not item.exit.traceless:
            context.working_directories.distrust(attempt)
        log = self._logs.leave(key)
        made = context.working_directories.made(attempt)
        is_small = is_quick(attempt, item.launch, made) and not (log and log.was_emptied)
        use = self._use(item)

        def work() -> Digested:
            try:
                if log and not (made and made.has_left_nothing):
                    log.settle()
                left = self._left(item, is_small, use)
            except Exception as error:
                problem = f"cannot collect the results: {error!r}"
                left = cmd.Collected(problem, worker_fault=is_worker_fault(error))
            return Digested(item.exit, left)

        if not use.is_known(context.cache):
            self._workers.wait(work)  # all that hash would be held up else, by what takes long to hash
        elif is_small and not self._takes_long(item, use):
            self.on_digested(work())
        else:
            self._workers.hash(work)

    def _use(self, item: cmd.Collect) -> Use:
        """Return what an attempt has used of the cache, which is looked at now."""
        attempt, cache = self._state.attempts[item.exit.key], self._host.context.cache
        base = item.launch.base_model
        since = attempt.started_at if attempt.used_since is None else attempt.used_since
        used = attempt.needs - {item.launch.checkpoint}  # that one was taken out of the cache
        return Use(
            frozenset() if item.stopped else used,  # who has asked for the end does not wait for hashes
            base,
            is_changed=base is not None and cache.status(base) == "unsure",
            is_alone=base is not None and base not in queries.in_use_beside(self._state, attempt),
            ran_s=0.0 if since is None else max(0.0, self._now() - since),
        )

    def _takes_long(self, item: cmd.Collect, use: Use) -> bool:
        """Return whether something is to be hashed: what the attempt has used, or left to go on from."""
        context = self._host.context
        if item.succeeded or use.is_changed:
            return use.is_changed
        return bool(use.names) or not context.checkpoints.is_empty(item.exit.key)

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

    def _left(self, item: cmd.Collect, is_small: bool, use: Use) -> cmd.Collected:
        """In a thread, or not."""
        context, key = self._host.context, item.exit.key
        attempt, directories = context.attempt(key), context.working_directories
        made = directories.made(attempt) or directories.remade(attempt, item.launch)
        left = collect(attempt, item.launch, context.cache, made, item.succeeded, is_small)
        succeeded = item.succeeded and left.problem is None
        found = damage(context.cache, use, failed=not succeeded and not item.stopped)
        if found:
            problem = "; ".join(filter(None, (left.problem, found.problem)))
            left = dataclasses.replace(left, problem=problem, worker_fault=not found.is_jobs)
            if found.spoils_checkpoint:
                remove_tree(Path(context.checkpoints.path(key)))
        elif succeeded:
            return left
        limit = context.settings.checkpoint_limit_bytes
        return dataclasses.replace(left, checkpoint=context.checkpoints.left(key, limit))
