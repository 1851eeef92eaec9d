"""Has the limits of attempts kept, and tells the core of those that take too much."""

from __future__ import annotations

import time
from dataclasses import replace

from worker_agent.attempts.results import tail_of
from worker_agent.core import slot_assignment, transitions
from worker_agent.core.excess import Excess
from worker_agent.core.execution import Exit, Key
from worker_agent.core.state import AgentState
from worker_agent.executors.base import Invocation
from worker_agent.limits.base import Bounds, Held
from worker_agent.limits.output import OutputMeter
from worker_agent.limits.scopes import EXIT_REFUSED, refusal
from worker_agent.limits.watch import Watch
from worker_agent.protocol.messages import Launch
from worker_agent.protocol.script_contract import RESIDENT, WARM, executor_of_name
from worker_agent.runtime.agent_log import complain
from worker_agent.runtime.effects.table import Handlers
from worker_agent.runtime.host_context import CurrentHost
from worker_agent.runtime.ports import Master

_NOT_RESIDENT = "its limits need a process: what it takes beside others in a resident one cannot be told"


def within_limits(invocation: Invocation, launch: Launch, bounds: Bounds) -> Invocation:
    """Return the invocation of an attempt as its limits need it."""
    if not launch.limits:
        return invocation
    executor = executor_of_name(launch.executor)
    apart = _NOT_RESIDENT if executor == RESIDENT else bounds.apart if executor == WARM else ""
    return replace(invocation, argv=bounds.command(invocation.argv, launch.limits), apart=apart)


class LimitEffects:
    """From the start of an attempt with limits to its end."""

    def __init__(self, state: AgentState, host: CurrentHost, watch: Watch, master: Master) -> None:
        self._state, self._host, self._watch, self._master = state, host, watch, master
        self._told = False

    def table(self) -> Handlers:
        """Return what is handled here."""
        return {Excess: self.on_excess}

    def follow(self, key: Key) -> None:
        """Hold an attempt that has started, if it has limits."""
        attempt = self._state.attempts[key]
        if not attempt.launch.limits:
            return
        held = Held(key, attempt.pid, attempt.mark, attempt.launch.limits)
        meter = OutputMeter(self._host.context.attempt(key), time.time_ns())
        problem = self._watch.follow(held, meter)
        if problem and not self._told:
            self._told = True
            note = f"limits of jobs are watched only, for the kernel does not take them: {problem}"
            complain(note)
            self._master.say(slot_assignment.told(self._state, [note]))

    def on_excess(self, excess: Excess) -> None:
        """An attempt takes more than it may."""
        transitions.on_excess(self._state, excess)

    def ended(self, done: Exit) -> Exit:
        """Return an exit with what limits had to do with it."""
        attempt = self._state.attempts[done.key]
        if not attempt.launch.limits:
            return done
        # Of one that was ended here, it is known why: nobody waits until the kernel has told.
        found = self._watch.leave(done.key, killed=done.exit_code < 0 and attempt.verdict is None)
        refused = refusal(tail_of(self._host.context.attempt(done.key).log)) if _may_be_refused(done) else ""
        return replace(done, over_limit=found.problem, machine_full=found.machine_full, refused=refused)


def _may_be_refused(done: Exit) -> bool:
    return done.exit_code == EXIT_REFUSED and not done.problem
