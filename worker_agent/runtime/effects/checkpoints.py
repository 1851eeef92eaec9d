"""What attempts at one job hand on to each other."""

from __future__ import annotations

from worker_agent.core.execution import Key, StartError
from worker_agent.core.state import AgentState, Phase
from worker_agent.protocol.messages import Launch
from worker_agent.runtime.host_context import CurrentHost
from worker_agent.runtime.ports import Workers
from worker_agent.system.faults import is_bad_place


class CheckpointEffects:
    """The checkpoint directories of a run, of which none that is in use is touched."""

    def __init__(self, state: AgentState, host: CurrentHost, workers: Workers) -> None:
        self._state, self._host, self._workers = state, host, workers

    def open(self, launch: Launch) -> None:
        """Make the directory of an attempt, with what it is to go on from.  Raises StartError."""
        checkpoints = self._host.context.checkpoints
        try:
            checkpoints.open(launch, self._in_use)
        except OSError as error:
            problem = f"cannot prepare {error.filename}: {error.strerror}"
            raise StartError(problem, worker_fault=is_bad_place(error)) from error
        for path in checkpoints.stale((launch.job_id, launch.attempt), self._in_use):
            self._workers.delete(path)

    def drop(self, job_id: str) -> None:
        """Delete what attempts at a job that has succeeded left to go on from."""
        for path in self._host.context.checkpoints.left_by(job_id, self._in_use):
            self._workers.delete(path)

    def without_older(self, launch: Launch) -> Launch:
        """Return a launch that asks for a checkpoint only if what is here is older."""
        if not launch.checkpoint:
            return launch
        return self._host.context.checkpoints.without_older(launch, self._in_use)

    def _in_use(self, key: Key) -> bool:
        attempt = self._state.attempts.get(key)
        return attempt is not None and attempt.phase in (Phase.RUNNING, Phase.COLLECTING)
