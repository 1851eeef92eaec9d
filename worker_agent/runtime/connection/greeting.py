"""Who may be the master, and what it is told first."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Collection, Sequence

from worker_agent.core import slot_assignment, transitions
from worker_agent.core.execution import Key
from worker_agent.core.settings_check import check_settings
from worker_agent.core.shares import Device
from worker_agent.core.state import AgentState
from worker_agent.devices.gpu_monitor import GpuMonitor
from worker_agent.environment.missing import work_dir_problem
from worker_agent.protocol.codec import MessageError
from worker_agent.protocol.layout import StateLayout
from worker_agent.protocol.messages import PROTOCOL, AttemptKey, Hello, Settings, Welcome
from worker_agent.runtime.effects.environment import EnvironmentEffects
from worker_agent.runtime.host_context import CurrentHost, HostContext, choose_work_dir
from worker_agent.runtime.ports import Locks, Records, Workers
from worker_agent.runtime.recovery import ended_and_told
from worker_agent.runtime.spool import Met
from worker_agent.system.faults import is_worker_fault


@dataclass(frozen=True)
class Identity:
    """Which agent this is."""

    layout: StateLayout
    digest: str
    boot_id: str


class HostSettings:
    """Changes the host context, where one master's settings give way to another's."""

    def __init__(
        self, run_id: str, host: CurrentHost, workers: Workers, environments: EnvironmentEffects
    ) -> None:
        self._run_id, self._host, self._workers, self._environments = run_id, host, workers, environments

    def apply(self, settings: Settings, work_dir: Path, devices: Sequence[Device]) -> HostContext:
        """Go on under these settings.  Raises OSError."""
        base = self._environments.base_of(settings)
        how = self._host.bounds.how
        context = HostContext(settings, work_dir, self._run_id, base, devices, how)
        for path in self._host.change(context):
            self._workers.delete(path)
        return context


class Reception:
    """Receives masters."""

    def __init__(
        self,
        identity: Identity,
        state: AgentState,
        spool: Records,
        locks: Locks,
        gpus: GpuMonitor,
        host_settings: HostSettings,
    ) -> None:
        self._identity, self._state, self._spool = identity, state, spool
        self._locks, self._gpus, self._host_settings = locks, gpus, host_settings

    def admit(self, hello: Hello) -> Welcome:
        """Take over a master's settings and return what to answer.

        Raises MessageError, GpuError or OSError, with why it is refused.
        """
        self.check(hello)
        is_new_start = hello.epoch > self._spool.memory.epoch
        context = self._settle(hello)
        devices = list(context.devices.values())
        transitions.on_hello(self._state, devices, incomplete=not context.is_complete)
        again = self._spool.memory.acknowledged() if is_new_start else []
        transitions.on_new_start(self._state, again)
        self._gpus.look_at_locks()
        return self._welcome(context, {(event.job_id, event.attempt) for event in again})

    def check(self, hello: Hello) -> Settings:
        """Return the settings of a hello.  Raises MessageError, with why it is refused."""
        run_id = self._identity.layout.run_id
        if hello.protocol != PROTOCOL:
            raise MessageError(f"the agent speaks protocol {PROTOCOL}, the master {hello.protocol}")
        if hello.run_id != run_id:
            raise MessageError(f"this is the agent of run {run_id}, not of {hello.run_id}")
        known = self._spool.memory.epoch
        if hello.epoch < known:
            which = f"a master of epoch {known} has been here; this one has {hello.epoch}"
            raise MessageError(f"{which}: it is at work, or this one's journal is an older copy (--rebuild)")
        check_settings(hello.settings)
        return hello.settings

    def _settle(self, hello: Hello) -> HostContext:
        """Take over the master's settings.  Big files stay where they are while any attempt is there."""
        devices = self._gpus.devices(hello.settings)
        work_dir = choose_work_dir(hello.settings, self._identity.layout)
        if self._state.attempts:
            work_dir = Path(self._spool.memory.work_dir)
        self._locks.check(devices)
        try:
            context = self._host_settings.apply(hello.settings, work_dir, devices)
        except OSError as error:
            problem = work_dir_problem(work_dir, error.strerror or str(error))
            if is_worker_fault(error):
                raise OSError(error.errno, problem) from error
            raise MessageError(problem) from error
        self._spool.put(Met(hello.epoch, self._identity.boot_id, hello.settings, str(work_dir)))
        return context

    def _welcome(self, context: HostContext, again: Collection[Key]) -> Welcome:
        attempts = [AttemptKey(*key) for key in self._state.attempts]
        ended = [AttemptKey(*key) for key in ended_and_told(self._state, self._spool.memory, again)]
        return Welcome(
            *(PROTOCOL, self._identity.digest, self._identity.boot_id, context.slots),
            *(slot_assignment.held_by_others(self._state), attempts, context.cache.contents.hashes()),
            *(str(context.work_dir), context.facts(self._gpus.reading)),
            ended=ended,
            gpu_bytes=context.gpu_bytes(),
            slots_per_gpu=context.settings.slots_per_gpu,
            left_alone=slot_assignment.left_alone(self._state),
        )
