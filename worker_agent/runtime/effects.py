"""Executes the core's commands, and gives it the answers."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import sys
import time
from typing import Any, Callable, Dict, Optional, Type

from worker_agent.attempts.launch import Places, command, environment, mark_of
from worker_agent.attempts.logs import LogKeeper
from worker_agent.attempts.progress import ProgressReader, sign_of
from worker_agent.attempts.results import collect, is_quick
from worker_agent.cache.garbage_collection import CacheKeeper
from worker_agent.core import commands as cmd
from worker_agent.core import deadlines, queries, slot_assignment, staging, transitions
from worker_agent.core.execution import Key, Started, StartError
from worker_agent.core.launch_check import artefacts_of
from worker_agent.core.shares import device_of, everything, mask_of
from worker_agent.core.state import AgentState, Phase
from worker_agent.devices.gpu_monitor import GpuKeeper
from worker_agent.devices.slot_locks import SlotLocks
from worker_agent.executors.base import Executor, Invocation
from worker_agent.protocol.layout import AttemptLayout
from worker_agent.protocol.messages import Launch, Progress, ToMaster
from worker_agent.runtime.host_context import Site
from worker_agent.runtime.spool import Spool
from worker_agent.system import processes
from worker_agent.system.background import Answer, Background


def complain(text: str) -> None:
    """Write a line to the agent's log, if the disk has room for it."""
    with contextlib.suppress(OSError):
        os.write(2, f"{time.strftime('%Y-%m-%d %H:%M:%S')} {text}\n".encode("utf-8", "replace"))


class Clock:
    """Unix time that never goes back, whatever happens to the machine's clock."""

    def __init__(self) -> None:
        self._offset = time.time() - time.monotonic()

    def now(self) -> float:
        """Return seconds since 1970."""
        return self._offset + time.monotonic()


class Hands:
    """All the I/O that the core asks for but the talking, which `say` does."""

    def __init__(
        self,
        state: AgentState,
        spool: Spool,
        executor: Executor,
        locks: SlotLocks,
        background: Background,
        say: Callable[[ToMaster], None],
    ) -> None:
        self.site: Optional[Site] = None
        self.left = False
        """The core has said that nothing is left to do."""
        self.now = Clock().now
        self._state = state
        self._spool = spool
        self._executor = executor
        self._locks = locks
        self._background = background
        self._say = say
        self._progress = ProgressReader()
        self._logs = LogKeeper(complain)
        self._sync_due = False
        self._asked: Dict[Key, int] = {}
        """When the attempts that are being started were."""
        self.gpus = GpuKeeper(state, locks, background, complain)
        self._keeper = CacheKeeper(state, background, complain)

    def execute(self) -> None:
        """Execute what is in the outbox, and what comes of it, until it is empty."""
        outbox = self._state.outbox
        while outbox:
            batch = outbox[:]
            outbox.clear()
            for item in batch:
                _HANDLERS[type(item)](self, item)

    def reap(self) -> None:
        """Tell the core which attempts have begun and which have ended."""
        for started in self._executor.started():
            self._on_started(started)
            self.execute()
        for done in self._executor.poll():
            self._asked.pop(done.key, None)
            transitions.on_exit(self._state, done, self.now())
            self.execute()

    def write(self) -> None:
        """Bring the spool's file up to date; outcomes are made durable soon after."""
        if self._spool.write() and self._sync_due:
            self._sync_due = False
            self._background.sync(self._spool.sync)

    def foreign(self) -> None:
        """Tell the core which slots others hold."""
        self.gpus.look_at_locks()

    def look_for_signs(self) -> None:
        """Look whether the attempts that must give signs of life do."""
        for attempt in filter(deadlines.is_watched, queries.running(self._state)):
            deadlines.on_sign(attempt, sign_of(self._layout(attempt.launch)), self.now())

    def look_at_cache(self) -> None:
        """Make room in the cache where it has grown too large."""
        if self.site:
            self._keeper.look(self.site.cache, self.site.settings.cache_limit_bytes)

    def report_progress(self) -> None:
        """Say what the running attempts have to say."""
        for key in list(self._state.slots.values()):
            attempt = self._layout(self._state.attempts[key].launch)
            detail = self._progress.read(attempt)
            if detail:
                self._say(Progress(key[0], key[1], detail))

    def close(self) -> None:
        """End what works beside the loop."""
        self._logs.close()
        self._keeper.close()

    def _site(self) -> Site:
        if self.site is None:
            raise AssertionError("the core asked for work before any master came")
        return self.site

    def _layout(self, launch: Launch) -> AttemptLayout:
        return self._site().attempt((launch.job_id, launch.attempt))

    # --- one method for each command

    def _send(self, item: cmd.Send) -> None:
        self._say(item.message)

    def _record(self, item: cmd.Record) -> None:
        self._spool.put("event", item.event)
        self._sync_due |= item.event.kind == "finished"

    def _keep_launch(self, item: cmd.KeepLaunch) -> None:
        self._spool.put("launch", item.launch)

    def _keep_ack(self, item: cmd.KeepAck) -> None:
        self._spool.put("ack", {"seq": item.seq})

    def _discard(self, item: cmd.Discard) -> None:
        self._spool.put("release", {"job_id": item.key[0], "attempt": item.key[1]})
        site = self._site()
        attempt = site.forget(item.key)
        waste = site.working_directories.recycle(attempt)
        for path in waste:
            self._background.delete(path)
        is_recycled = attempt.root not in waste
        if item.succeeded and not (is_recycled and site.checkpoints.take_back(item.key)):
            self._background.delete(site.checkpoints.path(item.key))

    def _look(self, item: cmd.Look) -> None:
        self._keeper.use(self._site().cache, item.content_hash)
        status, now = self._site().cache.status(item.content_hash), self.now()
        handlers = {
            "present": staging.on_found,
            "missing": staging.on_missing,
            "unsure": staging.on_unsure,
        }
        handlers[status](self._state, item.content_hash, now)

    def _verify(self, item: cmd.Verify) -> None:
        cache = self._site().cache
        check = cache.verify_delivered if item.delivered else cache.verify_cached

        def work() -> Answer:
            try:
                problem = check(item.content_hash)
            except Exception as error:
                problem = f"cannot be checked: {error}"
            return lambda: staging.on_verified(
                self._state, item.content_hash, problem, item.delivered, self.now()
            )

        self._background.hash(work)

    def _start(self, item: cmd.Start) -> None:
        launch, site = item.launch, self._site()
        key = (launch.job_id, launch.attempt)
        for name in artefacts_of(launch):
            self._keeper.use(site.cache, name)
            status = site.cache.status(name)
            if status != "present":
                transitions.on_unfit(self._state, key, name, status, self.now())
                return
        lock = self._take(item.slot)
        if lock is None:
            device = site.devices[device_of(item.slot)]
            others = self._locks.others(
                device, slot_assignment.ours(self._state, device) & ~mask_of(item.slot)
            )
            transitions.on_slot_taken(self._state, key, others or mask_of(item.slot) & everything(device))
            return
        self._asked[key] = processes.ticks()
        try:
            pid = self._spawn(key, launch, item.slot, lock)
        except StartError as error:
            self._on_started(Started(key, 0, str(error)))
            return
        if pid is not None:
            self._on_started(Started(key, pid))

    def _on_started(self, started: Started) -> None:
        before = self._asked.pop(started.key)
        if started.problem:
            transitions.on_not_started(self._state, started.key, started.problem, self.now())
            return
        site = self._site()
        self._logs.follow(started.key, site.attempt(started.key), site.settings.log_limit_bytes)
        identity = {"pid": started.pid, "ticks": [before, processes.ticks()]}
        transitions.on_started(self._state, started.key, identity, self.now())

    def _take(self, slot: str) -> Optional[int]:
        try:
            return self._locks.take(slot, self._site().devices[device_of(slot)])
        except OSError as error:
            complain(f"cannot lock slot {slot}: {error}")
            return None

    def _spawn(self, key: Key, launch: Launch, slot: str, lock: int) -> Optional[int]:
        if self._spool.failure and not self._spool.write():
            raise StartError(self._spool.failure)
        site = self._site()
        attempt = site.attempt(key)
        site.working_directories.prepare(attempt, launch)
        self._open_checkpoint(launch)
        base_model = site.cache.path(launch.base_model) if launch.base_model else None
        places = Places(attempt, site.checkpoints.path(key), base_model)
        gpu = self.gpus.visible(site.devices[device_of(slot)])
        env = environment(site.env, launch, gpu, places)
        argv = command(launch.argv, gpu, sys.executable, attempt, env.get("PATH", ""))
        mark = mark_of(attempt.output)
        self._state.attempts[key].mark = os.fsencode(mark)
        invocation = Invocation(argv, env, attempt.work, attempt.log, mark, lock, launch.executor)
        return self._executor.start(key, invocation)

    def _open_checkpoint(self, launch: Launch) -> None:
        checkpoints, key = self._site().checkpoints, (launch.job_id, launch.attempt)
        try:
            checkpoints.open(launch, self._in_use)
        except OSError as error:
            raise StartError(f"cannot prepare {error.filename}: {error.strerror}") from error
        for path in checkpoints.stale(key, self._in_use):
            self._background.delete(path)

    def _in_use(self, key: Key) -> bool:
        attempt = self._state.attempts.get(key)
        return attempt is not None and attempt.phase in (Phase.RUNNING, Phase.COLLECTING)

    def drop_checkpoints(self, job_id: str) -> None:
        """Delete what attempts at a job that has succeeded left to go on from."""
        for path in self._site().checkpoints.left_by(job_id, self._in_use):
            self._background.delete(path)

    def without_older_checkpoint(self, launch: Launch) -> Launch:
        """Return a launch that asks for a checkpoint only if what is here is older."""
        return self._site().checkpoints.without_older(launch, self._in_use) if launch.checkpoint else launch

    def _stop(self, item: cmd.Stop) -> None:
        self._executor.stop(item.key, self._site().settings.kill_grace_s)

    def _free_slot(self, item: cmd.FreeSlot) -> None:
        self._locks.free(item.slot)

    def _drain(self, item: cmd.Drain) -> None:
        self.gpus.drain(item.slot)

    def _collect(self, item: cmd.Collect) -> None:
        attempt, key = self._layout(item.launch), item.exit.key
        self._progress.forget(attempt)
        if not item.exit.traceless:
            self._site().working_directories.distrust(attempt)
        log = self._logs.leave(key)

        made = self._site().working_directories.made(attempt)
        is_small = is_quick(attempt, item.launch, made) and not (log and log.was_emptied)

        def work() -> Answer:
            try:
                if log:
                    log.settle()
                left = self._left(item, is_small)
            except Exception as error:
                left = cmd.Collected(problem=f"cannot collect the results: {error!r}")
            return lambda: transitions.on_collected(self._state, item.exit, left, self.now())

        if is_small and (item.succeeded or self._site().checkpoints.is_empty(key)):
            work()()
        else:
            self._background.hash(work)

    def _left(self, item: cmd.Collect, is_small: bool) -> cmd.Collected:
        site, key = self._site(), item.exit.key
        attempt = site.attempt(key)
        made = site.working_directories.made(attempt)
        left = collect(attempt, item.launch, site.cache, made, item.succeeded, is_small)
        if item.succeeded and left.problem is None:
            return left
        limit = site.settings.checkpoint_limit_bytes
        return dataclasses.replace(left, checkpoint=site.checkpoints.left(key, limit))

    def _leave(self, item: cmd.Leave) -> None:
        self.left = True


_HANDLERS: Dict[Type[Any], Callable[[Hands, Any], None]] = {
    cmd.Send: Hands._send,
    cmd.Record: Hands._record,
    cmd.KeepLaunch: Hands._keep_launch,
    cmd.KeepAck: Hands._keep_ack,
    cmd.Discard: Hands._discard,
    cmd.Look: Hands._look,
    cmd.Verify: Hands._verify,
    cmd.Start: Hands._start,
    cmd.Stop: Hands._stop,
    cmd.FreeSlot: Hands._free_slot,
    cmd.Drain: Hands._drain,
    cmd.Collect: Hands._collect,
    cmd.Leave: Hands._leave,
}
