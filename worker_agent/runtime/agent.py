"""The agent of one run: an event loop around the core."""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import time
from pathlib import Path
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence, Type

from worker_agent.core import queries, slot_assignment, staging, transitions
from worker_agent.core.shares import Device
from worker_agent.devices.gpus import GpuError
from worker_agent.devices.slot_locks import SlotLocks
from worker_agent.executors.choice import Executors
from worker_agent.protocol.layout import StateLayout, slot_lock_dir
from worker_agent.protocol.messages import (
    PROTOCOL,
    Ack,
    Cancel,
    Delivered,
    DropCheckpoints,
    Hello,
    Launch,
    Message,
    MessageError,
    Ping,
    Refused,
    Release,
    Shutdown,
    ToMaster,
    Welcome,
    Withdraw,
)
from worker_agent.runtime import recovery
from worker_agent.runtime.connection import Link, LinkError
from worker_agent.runtime.effects import Hands, complain
from worker_agent.runtime.host_context import Site, choose_work_dir, parse_settings
from worker_agent.runtime.spool import Spool
from worker_agent.system import processes, remove_tree
from worker_agent.system.background import Background
from worker_agent.system.sockets import listen, listens_at

_POLL_S = 1.0
_END_S = 10.0
"""How long jobs that were killed may take to be gone when the agent ends."""
_ORPHAN_LOOK_S = 0.01
_GATHER_S = 0.005
"""What is said so soon after something else goes out together: a write wakes four processes on its way."""


class Agent:
    """Serves one master at a time until the run is over, or nobody has come for long."""

    def __init__(self, layout: StateLayout, digest: str, idle_s: float) -> None:
        """Recover what an earlier agent left, and listen.  Raises OSError where that cannot be."""
        self._layout = layout
        self._digest = digest
        self._idle_s = idle_s
        self._boot_id = processes.boot_id()
        self._spool = Spool(layout.spool, complain)
        self._locks = SlotLocks(slot_lock_dir())
        self._executor = Executors()
        self._background = Background()
        self._state = recovery.restore(self._spool.memory, self._boot_id)
        self._hands = Hands(
            self._state, self._spool, self._executor, self._locks, self._background, self._say
        )
        self._link: Optional[Link] = None
        self._links: Dict[Link, bool] = {}
        """All connections, with whether they wait to be written to."""
        self._selector = selectors.DefaultSelector()
        self._recover()
        self._listener = listen(layout.socket)
        self._selector.register(self._listener, selectors.EVENT_READ, self._accept)
        self._selector.register(self._background.wakeup, selectors.EVENT_READ, self._background.drain)
        self._selector.register(self._executor, selectors.EVENT_READ, lambda: None)
        self._next_poll = self._last_busy = self._quiet_until = time.monotonic()
        self._ending = False

    def run(self) -> None:
        """Serve until the end.  Must be called in the main thread."""
        self._listen_to_signals()
        while not (self._ending or self._hands.left):
            for ready, events in self._selector.select(self._timeout()):
                self._serve(ready.data, events)
            self._hands.reap()
            self._background.answers()
            self._keep_time()
            self._hands.execute()
            self._hands.write()
            if time.monotonic() >= self._quiet_until:
                self._pump()
        self._end()

    # --- the loop's parts

    def _serve(self, data: Any, events: int) -> None:
        if not isinstance(data, Link):
            data()
        elif events & selectors.EVENT_READ:
            self._receive(data)

    def _timeout(self) -> float:
        now = time.monotonic()
        waits = [self._next_poll - now]
        if self._quiet_until > now:
            waits.append(self._quiet_until - now)
        executor_s = self._executor.wait_s()
        if executor_s is not None:
            waits.append(executor_s)
        deadline = queries.next_deadline(self._state)
        if deadline is not None:
            waits.append(deadline - self._hands.now())
        return max(0.0, min(waits))

    def _keep_time(self) -> None:
        deadline = queries.next_deadline(self._state)
        polls = time.monotonic() >= self._next_poll
        if polls or (deadline is not None and deadline <= self._hands.now()):
            self._hands.look_for_signs()
        transitions.on_tick(self._state, self._hands.now())
        if not polls:
            return
        self._next_poll = time.monotonic() + _POLL_S
        if self._link or queries.queued(self._state):
            self._hands.foreign()
        if self._link or queries.busy(self._state) or queries.queued(self._state):
            self._hands.gpus.look()
        if self._link:
            self._hands.report_progress()
        staging.look_again(self._state)
        self._background.tidy()
        self._hands.look_at_cache()
        self._check_socket()
        self._check_idle()

    def _check_socket(self) -> None:
        """Listen anew where something has cleaned the directory of temporary files."""
        if listens_at(self._listener, self._layout.socket):
            return
        complain(f"{self._layout.socket} is gone: listening anew")
        self._selector.unregister(self._listener)
        self._listener.close()
        self._listener = listen(self._layout.socket)
        self._selector.register(self._listener, selectors.EVENT_READ, self._accept)

    def _check_idle(self) -> None:
        if self._links or queries.busy(self._state):
            self._last_busy = time.monotonic()
            return
        patience_s = queries.patience_s(self._state, self._idle_s)
        if time.monotonic() - self._last_busy > patience_s:
            complain(f"no master and nothing to do for {patience_s:g} s: the agent ends")
            self._ending = True

    # --- connections

    def _accept(self) -> None:
        try:
            connection, _ = self._listener.accept()
        except OSError as error:
            complain(f"cannot accept a connection: {error}")
            return
        link = Link(connection)
        self._links[link] = False
        self._selector.register(connection, selectors.EVENT_READ, link)

    def _receive(self, link: Link) -> None:
        try:
            for message in link.receive():
                self._take(link, message)
                if link not in self._links:
                    return
        except MessageError as error:
            self._drop(link, f"the master sent what is no message: {error}")
        except LinkError as error:
            self._drop(link, str(error))

    def _take(self, link: Link, message: Message) -> None:
        if isinstance(message, Hello):
            self._greet(link, message)
        elif link is not self._link:
            self._drop(link, f"the first message is {message.type}, not hello")
        elif type(message) in _HANDLERS:
            _HANDLERS[type(message)](self, message)
            self._hands.execute()
        else:
            self._drop(link, f"{message.type} is a message of the agent")

    def _launch(self, launch: Launch) -> None:
        transitions.on_launch(self._state, self._hands.without_older_checkpoint(launch), self._hands.now())

    def _greet(self, link: Link, hello: Hello) -> None:
        try:
            self._check(hello)
            self._settle(hello)
        except (MessageError, GpuError, OSError) as error:
            link.greet(Refused(str(error)), 0)
            self._pump_one(link)
            self._drop(link, f"refused: {error}")
            return
        if self._link and self._link is not link:
            self._drop(self._link, "a newer connection took its place")
        self._link, link.epoch = link, hello.epoch
        transitions.on_hello(self._state, list(self._hands.site.devices.values()) if self._hands.site else [])
        self._hands.foreign()
        link.greet(self._welcome(), self._state.acked)
        self._hands.execute()

    def _check(self, hello: Hello) -> None:
        if hello.protocol != PROTOCOL:
            raise MessageError(f"the agent speaks protocol {PROTOCOL}, the master {hello.protocol}")
        if hello.run_id != self._layout.run_id:
            raise MessageError(f"this is the agent of run {self._layout.run_id}, not of {hello.run_id}")
        known = self._spool.memory.epoch
        if hello.epoch < known:
            raise MessageError(f"a master of epoch {known} has been here; this one has {hello.epoch}")

    def _settle(self, hello: Hello) -> None:
        """Take over the master's settings.  Big files stay where they are while any attempt is there."""
        settings = parse_settings(hello.settings)
        devices = self._hands.gpus.devices(settings)
        work_dir = choose_work_dir(settings, self._layout)
        if self._state.attempts:
            work_dir = Path(self._spool.memory.work_dir)
        self._locks.check(devices)
        self._open_site(hello.settings, work_dir, devices)
        body = {"epoch": hello.epoch, "settings": hello.settings}
        self._spool.put("met", {**body, "boot_id": self._boot_id, "work_dir": str(work_dir)})

    def _open_site(self, settings: Mapping[str, Any], work_dir: Path, devices: Sequence[Device]) -> None:
        run_id = self._layout.run_id
        for path in self._hands.site.spares() if self._hands.site else ():
            self._background.delete(path)
        self._hands.site = Site(parse_settings(settings), work_dir, run_id, os.environ, devices)

    def _welcome(self) -> Welcome:
        site = self._hands.site
        if site is None:
            raise AssertionError("welcome before hello")
        attempts: List[List[Any]] = [list(key) for key in self._state.attempts]
        cached, facts = site.cache.hashes(), site.facts()
        held_by_others = slot_assignment.held_by_others(self._state)
        return Welcome(
            *(PROTOCOL, self._digest, self._boot_id, site.slots, held_by_others),
            *(attempts, cached, str(site.work_dir), facts),
            gpu_bytes=site.gpu_bytes(),
            slots_per_gpu=site.settings.slots_per_gpu,
        )

    def _say(self, message: ToMaster) -> None:
        if self._link:
            try:
                self._link.say(message)
            except LinkError as error:
                self._drop(self._link, str(error))

    def _pump(self) -> None:
        """Send what there is to send, and then nothing for a moment."""
        before = sum(link.sent_bytes for link in self._links)
        for link in list(self._links):
            self._pump_one(link)
        if sum(link.sent_bytes for link in self._links) != before and not any(self._links.values()):
            self._quiet_until = time.monotonic() + _GATHER_S

    def _pump_one(self, link: Link) -> None:
        try:
            waiting = link.pump(self._spool.memory.seq, self._spool.lines)
        except LinkError as error:
            self._drop(link, str(error))
            return
        if waiting != self._links[link]:
            self._links[link] = waiting
            events = selectors.EVENT_READ | (selectors.EVENT_WRITE if waiting else 0)
            self._selector.modify(link.socket, events, link)

    def _drop(self, link: Link, why: str) -> None:
        if self._links.pop(link, None) is None:
            return
        complain(f"connection closed: {why}")
        self._selector.unregister(link.socket)
        link.close()
        if link is self._link:
            self._link = None

    # --- beginning and end

    def _recover(self) -> None:
        memory = self._spool.memory
        stubborn = recovery.kill_leftovers(memory, self._layout.run_id, self._boot_id)
        if stubborn:
            complain(f"processes that do not end: {stubborn}; their slots stay locked")
        for path in recovery.unknown_attempts(memory, self._layout.run_id):
            self._background.delete(path)
        if memory.work_dir:
            self._open_site(memory.settings, Path(memory.work_dir), [])
        recovery.report_lost(self._state, memory, self._boot_id, self._hands.now())
        self._hands.execute()
        self._hands.write()

    def _listen_to_signals(self) -> None:
        signal.set_wakeup_fd(self._background.wakeup_fd, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGHUP, lambda *_: None)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_end_signal)

    def _on_end_signal(self, number: int, _: object) -> None:
        complain(f"signal {number}: the agent ends")
        self._ending = True

    def _end(self) -> None:
        self._kill_all()
        for key in list(self._state.attempts):
            transitions.on_lost(self._state, key, "the agent was told to end", self._hands.now())
        self._hands.execute()
        self._hands.write()
        self._pump()
        self._layout.socket.unlink(missing_ok=True)
        self._listener.close()
        if self._hands.left and self._hands.site:
            _remove(self._hands.site.layout.run(self._layout.run_id))
            _remove(self._layout.root)
        self._executor.close()
        _kill_orphans()
        self._background.close()
        self._hands.close()
        self._spool.close()
        self._locks.close()

    def _kill_all(self) -> None:
        deadline = time.monotonic() + _END_S
        for key in list(self._state.attempts):
            self._executor.stop(key, 0.0)
        while self._executor.wait_s() is not None and time.monotonic() < deadline:
            self._executor.poll()
            time.sleep(self._executor.wait_s() or 0.0)


def _kill_orphans() -> None:
    """Kill what has left its job's group and dropped its environment, and tools that hang.

    Nobody else would ever end it.
    """
    deadline = time.monotonic() + _END_S
    while time.monotonic() < deadline:
        found = map(processes.read_process, processes.every_child())
        alive = [process.pid for process in found if process and process.alive]
        if not alive:
            return
        for pid in alive:
            processes.kill(pid)
        time.sleep(_ORPHAN_LOOK_S)


def _remove(tree: Path) -> None:
    """Delete a directory under another name: its own may be in use again before all is gone."""
    gone = tree.with_name(f".{tree.name}.{os.getpid()}")
    with contextlib.suppress(OSError):
        tree.rename(gone)
        remove_tree.remove(gone)


_HANDLERS: Dict[Type[Any], Callable[[Agent, Any], None]] = {
    Launch: lambda agent, message: agent._launch(message),
    Cancel: lambda agent, message: transitions.on_cancel(agent._state, message, agent._hands.now()),
    Withdraw: lambda agent, message: transitions.on_withdraw(agent._state, message, agent._hands.now()),
    DropCheckpoints: lambda agent, message: agent._hands.drop_checkpoints(message.job_id),
    Release: lambda agent, message: transitions.on_release(agent._state, message),
    Ack: lambda agent, message: transitions.on_ack(agent._state, message),
    Delivered: lambda agent, message: staging.on_delivered(agent._state, message),
    Ping: lambda agent, message: transitions.on_ping(agent._state, message),
    Shutdown: lambda agent, message: transitions.on_shutdown(agent._state),
}
