"""Makes what an attempt needs on this worker, and asks an executor to run it."""

from __future__ import annotations

import os
from typing import Optional, Sequence, Tuple

from worker_agent.attempts.invocation import Places, command, environment, mark_of
from worker_agent.attempts.logs import LogLimiter
from worker_agent.core.execution import Key, StartError
from worker_agent.core.state import AgentState
from worker_agent.executors.base import Executor, Invocation
from worker_agent.protocol.messages import Launch
from worker_agent.runtime.effects.checkpoints import CheckpointEffects
from worker_agent.runtime.effects.limits import within_limits
from worker_agent.runtime.host_context import CurrentHost
from worker_agent.runtime.ports import Records


class Invoker:
    """From a launch to a process."""

    def __init__(
        self,
        state: AgentState,
        host: CurrentHost,
        executor: Executor,
        spool: Records,
        checkpoints: CheckpointEffects,
        logs: LogLimiter,
    ) -> None:
        self._state, self._host, self._executor, self._spool = state, host, executor, spool
        self._checkpoints, self._logs = checkpoints, logs

    def invoke(self, launch: Launch, slot: str, gpu: Optional[str], lock: int) -> Optional[int]:
        """Start an attempt and return its pid, None where the executor is going to tell it.

        Raises StartError.
        """
        invocation = self.prepare(launch, slot, gpu, lock)
        return self._executor.start((launch.job_id, launch.attempt), invocation)

    def invoke_group(self, group: str, members: Sequence[Tuple[Key, Invocation]]) -> None:
        """Start attempts that train at once; the executor is going to tell of each."""
        self._executor.start_group(group, members)

    def prepare(self, launch: Launch, slot: str, gpu: Optional[str], lock: int) -> Invocation:
        """Make what an attempt needs, and return how it is started.  Raises StartError."""
        if self._spool.failure and not self._spool.write():
            raise StartError(self._spool.failure, worker_fault=True)
        key = (launch.job_id, launch.attempt)
        invocation = self._invocation(key, launch, slot, gpu, lock)
        self._state.attempts[key].mark = os.fsencode(invocation.mark)
        return invocation

    def follow(self, key: Key) -> None:
        """Keep the log of an attempt that has started within its limit."""
        context = self._host.context
        self._logs.follow(key, context.attempt(key), context.settings.log_limit_bytes)

    def _invocation(self, key: Key, launch: Launch, slot: str, gpu: Optional[str], lock: int) -> Invocation:
        context = self._host.context
        attempt = context.attempt(key)
        context.working_directories.prepare(attempt, launch)
        self._checkpoints.open(launch)
        base_model = str(context.cache.path(launch.base_model)) if launch.base_model else None
        places = Places(attempt, context.checkpoints.path(key), base_model)
        env = environment(context.env, launch, gpu, places)
        argv = command(launch.argv, gpu, context.python, attempt, env.get("PATH", ""))
        asked = Invocation(
            *(argv, env, attempt.work, attempt.log, mark_of(attempt.output), lock, launch.executor),
            apart=self._state.attempts[key].alone,
            code=self._code(launch),
            slot=slot,
        )
        return within_limits(asked, launch, self._host.bounds)

    def _code(self, launch: Launch) -> str:
        """Return where the code lies that the working directory has a copy of; empty where it has none."""
        found = (item.artefact for item in launch.mounts if not item.at and item.artefact)
        return next((str(self._host.context.cache.path(name)) for name in found), "")
