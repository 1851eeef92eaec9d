"""Bringing outcomes home and artefacts to workers, off the dispatcher's thread."""

from __future__ import annotations

import shutil
import threading
import time
from collections import Counter
from collections.abc import Callable, Hashable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from master.adapters.agent_client import WorkerLink, reason_of
from master.adapters.inbox import Inbox, Noted, Received
from master.core.planning.plan import BASE_MODELS
from master.core.running import commands as cmd
from master.core.running import events as ev
from master.errors import IntegrityError, RemoteError, SessionLost, TwophaseError
from master.specs import Config
from master.storage.base_model_store import BaseModelStore, is_directory_name, make_manifest
from master.storage.checkpoint_store import Checkpoint, CheckpointStore
from master.storage.run_layout import RunLayout
from master.transfers.inline import write_inline
from master.transfers.published_attempt import find_published_attempt
from master.transfers.single_flight import SingleFlight
from worker_agent.protocol import messages as msg
from worker_agent.protocol.digests import FileDigest, content_hash, digest_directory, holds, publish
from worker_agent.protocol.layout import AttemptLayout, WorkLayout

PER_WORKER = 2
"""Transfers at a time with one worker."""
TRIES = 3
"""For bytes that arrive wrong."""
REMOTE_TRIES = 8
"""For what a worker refuses, such as files that are gone there: about three minutes."""
FIRST_PAUSE_S, MAX_PAUSE_S = 1.0, 60.0
PUSH_PAUSES_S = (1.0, 2.0, 4.0, 8.0)
LOG = "log"
"""The part of an outcome that is a log; the agent calls its inline content by the empty path."""


@dataclass
class Library:
    """Where the directories lie that workers may ask for, by content hash."""

    paths: dict[str, Path] = field(default_factory=dict)
    base_models: dict[str, str] = field(default_factory=dict)
    """Content hash → `spec_hash`."""
    names: dict[str, str] = field(default_factory=dict)
    """Content hash → directory name below `experiments/base_models/`, where the script chose one."""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def hold(self, spec_hash: str, found: str, path: Path, name: str | None) -> None:
        """Take in a base model of the store."""
        with self._lock:
            self.paths[found], self.base_models[found] = path, spec_hash
            if name is not None:
                self.names[found] = name

    def drop(self, found: str) -> str | None:
        """Forget a base model and return its `spec_hash`, None if it is not held (any more)."""
        with self._lock:
            spec_hash = self.base_models.pop(found, None)
            if spec_hash is not None:
                self.paths.pop(found, None)
            return spec_hash


class Courier:
    """Executes Collect, CollectFailedAttempt and Deliver, and answers with events."""

    def __init__(
        self,
        layout: RunLayout,
        run_ids: Mapping[str, str],
        links: Mapping[str, WorkerLink],
        inbox: Inbox,
        store: BaseModelStore,
        library: Library,
        identity_of: Callable[[str], Config],
        clock: Callable[[], float] = time.time,
        checkpoints: CheckpointStore | None = None,
    ) -> None:
        """`run_ids` name the run on each worker; `identity_of` tells by `spec_hash` what a base model is.

        Without `checkpoints` what attempts in vain leave to go on from stays on their workers.
        """
        self._checkpoints = checkpoints
        self._layout, self._run_ids, self._links, self._inbox = layout, run_ids, links, inbox
        self._store, self._library, self._identity_of, self._clock = store, library, identity_of, clock
        self._pools = {name: ThreadPoolExecutor(PER_WORKER, f"transfer-{name}") for name in links}
        self._single_flight = SingleFlight()
        self._closing = threading.Event()

    def close(self) -> None:
        """Try nothing again any more, and wait for what is under way."""
        self._closing.set()
        for pool in self._pools.values():
            pool.shutdown(wait=True)

    def _once(self, worker: str, key: Hashable, work: Callable[[], bool]) -> None:
        """Do `work` on a thread, and again if it gave up (False) though it was asked for meanwhile."""
        if self._single_flight.begin(key):
            self._pools[worker].submit(self._repeat, key, work)

    def _repeat(self, key: Hashable, work: Callable[[], bool]) -> None:
        while not self._single_flight.end(key, answered=work()):
            pass

    # ---- outcomes ------------------------------------------------------------------------------------------

    def collect(self, command: cmd.Collect) -> None:
        """Bring an outcome home; at once where there is nothing to bring."""
        detail = command.detail
        if detail.get("files") or detail.get("log") or detail.get("base_model"):
            self._once(command.worker, (command.task_id, command.attempt), lambda: self._collect(command))
        else:
            self._put_collected(command, command.attempt, "")

    def _put_collected(self, command: cmd.Collect, attempt: int, found: str) -> None:
        if self._checkpoints:
            self._checkpoints.drop(command.task_id)
        self._inbox.put(Received(ev.Collected(self._clock(), command.task_id, attempt, found)))

    def _collect(self, command: cmd.Collect) -> bool:
        key = command.task_id, command.attempt
        try:
            ours = self._persist(command)
            if ours is not None:
                self._put_collected(command, *ours)
            return ours is not None
        except (TwophaseError, FileExistsError) as error:
            problem = str(error)
        except Exception as error:  # the dispatcher must hear of it, whatever it is
            problem = f"{type(error).__name__}: {error}"
        self._inbox.put(Received(ev.CollectionFailed(self._clock(), *key, problem)))
        return True

    def _persist(self, command: cmd.Collect) -> tuple[int, str] | None:
        """Repeat what the network or the disk may spoil; return attempt and content hash of what is home.

        A full disk is waited for, wrong bytes and a worker's refusals are borne only so often.  Returns None
        when the link is gone: the command is given again when it is back.
        """
        pause_s, tries = FIRST_PAUSE_S, Counter[type[BaseException]]()
        while not self._closing.is_set():
            try:
                return command.attempt, self._bring_home(command)
            except FileExistsError:
                if ours := find_published_attempt(self._layout.result(command.task_id), command.others):
                    return ours
                raise
            except SessionLost:
                if self._links[command.worker].welcome is None:
                    return None
            except (IntegrityError, RemoteError, OSError) as error:
                tries[type(error)] += 1
                if not _may_pass(error, tries[type(error)]):
                    raise
                self._note(f"{command.task_id}: cannot be brought home, will try again: {error}")
            self._closing.wait(pause_s)
            pause_s = min(MAX_PAUSE_S, 2 * pause_s)
        return None

    def _note(self, text: str) -> None:
        self._inbox.put(Noted(text))

    def _bring_home(self, command: cmd.Collect) -> str:
        """Fetch, verify and publish all parts of an outcome; return its content hash."""
        try:
            self._bring_log(command)
        except IntegrityError as error:
            self._note(f"{command.task_id}: the log of attempt {command.attempt} is lost: {error}")
        found = ""
        if command.detail.get("files"):
            found = self._bring_files(command)
        if base_model := command.detail.get("base_model"):
            found = self._bring_base_model(command, base_model)
        shutil.rmtree(self._layout.incoming(command.task_id, command.attempt), ignore_errors=True)
        return found

    def _bring_files(self, command: cmd.Collect) -> str:
        files = _files_of(command.detail["files"])
        final = self._layout.result(command.task_id)
        if command.task_id.startswith(f"{BASE_MODELS}/"):
            final = self._layout.phase1_output(command.task_id, command.attempt)
        if final.exists():
            if content_hash(digest_directory(final)) == content_hash(files):
                return content_hash(files)
            raise FileExistsError(f"{final} exists already and is not written over; move it away")
        publish(self._staged(command, "output", files, lambda paths: paths.output), final)
        return content_hash(files)

    def _staged(
        self,
        command: cmd.Collect | cmd.CollectFailedAttempt,
        part: str,
        files: Sequence[FileDigest],
        source: Callable[[AttemptLayout], Path],
    ) -> Path:
        """Bring files to `incoming`, verified."""
        staged = self._layout.incoming(command.task_id, command.attempt) / part
        inline = command.detail.get("inline") or {}
        names = {"" if part == LOG else item.path: item.path for item in files}
        if names.keys() <= inline.keys():
            write_inline(staged, {name: inline[key] for key, name in names.items()})
        else:
            link = self._links[command.worker]
            work = _work_layout(link)
            run_id = self._run_ids[command.worker]
            _pull(link, source(work.attempt(run_id, command.task_id, command.attempt)), staged)
        self._verify(staged, content_hash(files), command)
        return staged

    def _bring_base_model(self, command: cmd.Collect, base_model: Mapping[str, Any]) -> str:
        found, name = str(base_model["content_hash"]), base_model.get("name")
        if content_hash(_files_of(base_model["files"])) != found or not is_directory_name(name):
            raise IntegrityError(
                f"what {command.worker} says of the base model cannot be: {base_model!r:.300}"
            )
        link = self._links[command.worker]
        staged = self._layout.incoming(command.task_id, command.attempt) / "base_model"
        _pull(link, _work_layout(link).cached(found), staged)
        self._verify(staged, found, command)
        spec_hash = command.task_id.removeprefix(f"{BASE_MODELS}/")
        manifest = make_manifest(
            spec_hash,
            self._identity_of(spec_hash),
            base_model,
            duration_seconds=command.detail.get("duration_s"),
            worker=command.worker,
            trained_at=command.detail.get("started_at"),
        )
        self._store.add(staged, manifest)
        self._library.hold(spec_hash, found, self._store.path(spec_hash), name)
        return found

    def _bring_log(self, command: cmd.Collect | cmd.CollectFailedAttempt) -> None:
        row = command.detail.get("log")
        target = self._layout.log(command.task_id, command.attempt)
        if not row or target.exists():
            return
        (file,) = _files_of([row])
        staged = self._staged(command, LOG, [file], lambda paths: paths.log.parent)
        target.parent.mkdir(parents=True, exist_ok=True)
        (staged / file.path).replace(target)

    def _verify(self, staged: Path, wanted: str, command: cmd.Collect | cmd.CollectFailedAttempt) -> None:
        """Raise IntegrityError, and keep the evidence, where a directory is not what was announced."""
        if holds(staged, wanted):
            return
        name = f"{staged.parent.name}-{staged.name}-{time.time_ns()}"
        aside = self._layout.set_aside(name)
        aside.parent.mkdir(parents=True, exist_ok=True)
        staged.rename(aside)
        raise IntegrityError(
            f"what came from {command.worker} is not what its agent announced; kept in {aside}"
        )

    def collect_failed(self, command: cmd.CollectFailedAttempt) -> None:
        """Bring log and checkpoint of a failed attempt home if that can be, then let the worker forget it."""
        key = "collect_failed", command.task_id, command.attempt
        self._once(command.worker, key, lambda: self._collect_failed(command))

    def _collect_failed(self, command: cmd.CollectFailedAttempt) -> bool:
        for what, bring in (("log", self._bring_log), ("checkpoint", self._bring_checkpoint)):
            try:
                bring(command)
            except Exception as error:  # worth a note, not more
                if isinstance(error, SessionLost) and self._links[command.worker].welcome is None:
                    return False  # the worker still has it, and is asked again when the link is back
                self._note(f"{command.task_id}: the {what} of attempt {command.attempt} is lost: {error}")
        shutil.rmtree(self._layout.incoming(command.task_id, command.attempt), ignore_errors=True)
        self._links[command.worker].send(msg.Release(command.task_id, command.attempt))
        if command.detail.get("checkpoint"):
            settled = ev.CheckpointSettled(self._clock(), command.task_id, command.attempt)
            self._inbox.put(Received(settled))
        return True

    def _bring_checkpoint(self, command: cmd.CollectFailedAttempt) -> None:
        """Bring home what an attempt left to go on from."""
        left, key = command.detail.get("checkpoint"), (command.task_id, command.attempt)
        if not left or self._checkpoints is None:
            return
        if problem := left.get("problem"):
            self._note(f"{command.task_id}: attempt {command.attempt}: {problem}")
            return
        found = str(left["content_hash"])
        if content_hash(_files_of(left["files"])) != found:
            raise IntegrityError(f"what {command.worker} says of it cannot be: {left!r:.300}")
        staged, run_id = self._layout.incoming(*key) / "checkpoint", self._run_ids[command.worker]
        link = self._links[command.worker]
        for pause_s in (*PUSH_PAUSES_S, None):
            try:
                _pull(link, _work_layout(link).checkpoints(run_id, *key), staged)
                self._verify(staged, found, command)
                break
            except (SessionLost, IntegrityError):
                if pause_s is None or link.welcome is None or self._closing.wait(pause_s):
                    raise
        self._checkpoints.add(*key, found, staged)

    # ---- artefacts -----------------------------------------------------------------------------------------

    def deliver(self, command: cmd.Deliver) -> None:
        """Bring an artefact to a worker."""
        self._once(command.worker, command, lambda: self._deliver(command))

    def _deliver(self, command: cmd.Deliver) -> bool:
        key = command.worker, command.content_hash
        try:
            if self._push_patiently(command):
                self._inbox.put(Received(ev.Delivered(self._clock(), *key)))
        except Exception as error:  # the dispatcher must hear of it, whatever it is
            if isinstance(error, SessionLost) and self._links[command.worker].welcome is None:
                return False  # the agent asks again when the link is back
            problem = reason_of(error, command.worker)
            self._inbox.put(Received(ev.DeliveryFailed(self._clock(), *key, problem)))
        return True

    def _push_patiently(self, command: cmd.Deliver) -> bool:
        """Push again where a transfer broke off though the link holds."""
        for pause_s in PUSH_PAUSES_S:
            try:
                return self._push(command)
            except SessionLost:
                if self._links[command.worker].welcome is None or self._closing.wait(pause_s):
                    raise
        return self._push(command)

    def _push(self, command: cmd.Deliver) -> bool:
        """Bring an artefact to a worker; False where there was nothing sound to bring."""
        checkpoint = self._checkpoints and self._checkpoints.holding(command.content_hash)
        path = checkpoint.path if checkpoint else self._library.paths.get(command.content_hash)
        if path is None:
            raise IntegrityError(f"nothing here has the content hash {command.content_hash}")
        if not holds(path, command.content_hash):
            if checkpoint:
                self._give_up(checkpoint)
                return False
            self._report_damage(command.content_hash, path)
            return False
        link = self._links[command.worker]
        work = _work_layout(link)
        target = work.incoming(self._run_ids[command.worker], command.content_hash)
        link.session.push(path, str(target))
        link.send(msg.Delivered(command.content_hash))
        if spec_hash := self._library.base_models.get(command.content_hash):
            self._inbox.put(Noted(f"{command.worker}: sent base model {spec_hash[:12]}"))
        return True

    def _give_up(self, checkpoint: Checkpoint) -> None:
        """Delete a checkpoint that is damaged: the next attempt begins without."""
        if self._checkpoints:
            self._checkpoints.drop(checkpoint.task_id)
        self._note(f"{checkpoint.task_id}: the checkpoint in {checkpoint.path} was damaged and is deleted")
        self._inbox.put(
            Received(ev.CheckpointDamaged(self._clock(), checkpoint.task_id, checkpoint.content_hash))
        )

    def _report_damage(self, wanted: str, path: Path) -> None:
        """Set a damaged base model aside, to be trained again; nothing else may change during a run."""
        spec_hash = self._library.drop(wanted)
        if spec_hash is None:
            raise IntegrityError(f"{path} has changed since the run began")
        # At once: another worker's failed delivery of it must not be held against that worker.
        self._inbox.put(Received(ev.BaseModelDamaged(self._clock(), spec_hash)))
        aside = self._store.set_aside(spec_hash)
        self._note(f"base model {spec_hash} is damaged; moved to {aside}, it is trained again")


def _may_pass(error: BaseException, tries: int) -> bool:
    """Tell whether what went wrong `tries` times is worth another try."""
    if isinstance(error, IntegrityError):
        return tries < TRIES
    if isinstance(error, RemoteError):
        return "disk is full" in str(error) or "No space left" in str(error) or tries < REMOTE_TRIES
    return True


def _files_of(rows: Sequence[Any]) -> list[FileDigest]:
    try:
        return [FileDigest.from_row(row) for row in rows]
    except (ValueError, TypeError) as error:
        raise IntegrityError(f"the worker names files that cannot be: {error}") from error


def _work_layout(link: WorkerLink) -> WorkLayout:
    welcome = link.welcome
    if welcome is None:
        raise SessionLost(f"{link.worker} is not connected")
    return WorkLayout(Path(welcome.work_dir))


def _pull(link: WorkerLink, source: Path, staged: Path) -> None:
    session = link.session
    staged.mkdir(parents=True, exist_ok=True)
    session.pull(str(source), staged)
