"""Bringing outcomes home and artefacts to workers, off the dispatcher's thread."""

from __future__ import annotations

import base64
import binascii
import shutil
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from master.adapters.agent_client import WorkerLink
from master.adapters.base_model_store import BaseModelStore, make_manifest
from master.adapters.session import Session
from master.core import commands as cmd
from master.core import events as ev
from master.core.plan import BASE_MODELS
from master.errors import IntegrityError, RemoteError, SessionLost, TwophaseError
from master.inbox import Inbox, Noted, Received
from master.run_layout import RunLayout
from master.specs import Config
from worker_agent.protocol import messages as msg
from worker_agent.protocol.digests import FileDigest, content_hash, digest_directory, publish
from worker_agent.protocol.layout import WorkLayout

PER_WORKER = 2
"""Transfers at a time with one worker."""
TRIES = 3
"""For bytes that arrive wrong."""
MAX_PAUSE_S = 60.0


@dataclass
class Library:
    """Where the directories lie that workers may ask for, by content hash."""

    paths: dict[str, Path] = field(default_factory=dict)
    base_models: dict[str, str] = field(default_factory=dict)
    """Content hash → `spec_hash`."""


class Courier:
    """Executes Collect, Salvage and Deliver, and answers with events."""

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
    ) -> None:
        """`run_ids` name the run on each worker; `identity_of` tells by `spec_hash` what a base model is."""
        self._layout, self._run_ids, self._links, self._inbox = layout, run_ids, links, inbox
        self._store, self._library, self._identity_of, self._clock = store, library, identity_of, clock
        self._pools = {name: ThreadPoolExecutor(PER_WORKER, f"transfer-{name}") for name in links}
        self._under_way: set[tuple[str, int]] = set()
        self._closing = threading.Event()

    def close(self) -> None:
        """Try nothing again any more, and wait for what is under way."""
        self._closing.set()
        for pool in self._pools.values():
            pool.shutdown(wait=True)

    # ---- outcomes ------------------------------------------------------------------------------------------

    def collect(self, command: cmd.Collect) -> None:
        """Bring an outcome home; at once where it came with the message and is empty."""
        key = command.task_id, command.attempt
        if key in self._under_way:
            return
        detail = command.detail
        if not detail.get("files") and not detail.get("log") and not detail.get("base_model"):
            self._inbox.put(Received(ev.Collected(self._clock(), *key)))
            return
        self._under_way.add(key)
        self._pools[command.worker].submit(self._collect, command)

    def _collect(self, command: cmd.Collect) -> None:
        key = command.task_id, command.attempt
        try:
            found = self._persist(lambda: self._bring_home(command), command)
            if found is not None:
                self._inbox.put(Received(ev.Collected(self._clock(), *key, found)))
        except (IntegrityError, FileExistsError) as error:
            self._inbox.put(Received(ev.CollectFailed(self._clock(), *key, str(error))))
        except Exception as error:  # the dispatcher must hear of it, whatever it is
            self._inbox.put(
                Received(ev.CollectFailed(self._clock(), *key, f"{type(error).__name__}: {error}"))
            )
        finally:
            self._under_way.discard(key)

    def _persist(self, action: Callable[[], str], command: cmd.Collect) -> str | None:
        """Repeat what the network or the disk may spoil for as long as it takes; wrong bytes only so often.

        Returns None when the link is gone: the command is given again when it is back.
        """
        pause_s, wrong = 1.0, 0
        while not self._closing.is_set():
            try:
                return action()
            except FileExistsError:
                raise
            except IntegrityError:
                wrong += 1
                if wrong == TRIES:
                    raise
            except SessionLost:
                if self._links[command.worker].welcome is None:
                    return None
            except (RemoteError, OSError) as error:
                self._inbox.put(Noted(f"{command.task_id}: cannot be brought home, will try again: {error}"))
            self._closing.wait(pause_s)
            pause_s = min(MAX_PAUSE_S, 2 * pause_s)
        return None

    def _bring_home(self, command: cmd.Collect) -> str:
        """Fetch, verify and publish all parts of an outcome; return its content hash."""
        self._bring_log(command)
        found = ""
        if command.detail.get("files"):
            found = self._bring_files(command)
        if base_model := command.detail.get("base_model"):
            found = self._bring_base_model(command, base_model)
        shutil.rmtree(self._layout.incoming(command.task_id, command.attempt, "").parent, ignore_errors=True)
        return found

    def _bring_files(self, command: cmd.Collect) -> str:
        files = [FileDigest.from_row(row) for row in command.detail["files"]]
        phase1 = command.task_id.startswith(f"{BASE_MODELS}/")
        final = (self._layout.phase1_output if phase1 else self._layout.result)(command.task_id)
        if final.exists():
            if content_hash(digest_directory(final)) == content_hash(files):
                return content_hash(files)
            raise FileExistsError(f"{final} exists already and is not written over; move it away")
        staged = self._staged(command, "output", files, lambda paths: str(paths.output))
        publish(staged, final)
        return content_hash(files)

    def _staged(
        self,
        command: cmd.Collect | cmd.Salvage,
        part: str,
        files: list[FileDigest],
        source: Callable[[Any], str],
    ) -> Path:
        """Bring files to `incoming`, verified."""
        staged = self._layout.incoming(command.task_id, command.attempt, part)
        inline = command.detail.get("inline")
        if inline is not None and part == "output":
            _write_inline(staged, {item.path: inline[item.path] for item in files})
        else:
            link = self._links[command.worker]
            session = link.session
            paths = self._work_layout(link).attempt(
                self._run_ids[command.worker], command.task_id, command.attempt
            )
            staged.mkdir(parents=True, exist_ok=True)
            session.pull(source(paths), staged)
        _verify(staged, content_hash(files), command)
        return staged

    def _bring_base_model(self, command: cmd.Collect, base_model: Mapping[str, Any]) -> str:
        found = str(base_model["content_hash"])
        link = self._links[command.worker]
        session = link.session
        staged = self._layout.incoming(command.task_id, command.attempt, "base_model")
        staged.mkdir(parents=True, exist_ok=True)
        session.pull(str(self._work_layout(link).cached(found)), staged)
        _verify(staged, found, command)
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
        self._library.paths[found] = self._store.path(spec_hash)
        self._library.base_models[found] = spec_hash
        return found

    def _bring_log(self, command: cmd.Collect | cmd.Salvage) -> None:
        row = command.detail.get("log")
        target = self._layout.log(command.task_id, command.attempt)
        if not row or target.exists():
            return
        inline = command.detail.get("inline")
        target.parent.mkdir(parents=True, exist_ok=True)
        if inline is not None and "" in inline:
            partial = target.with_name(f".{target.name}.partial")
            partial.write_bytes(base64.b64decode(inline[""]))
            partial.replace(target)
            return
        files = [FileDigest.from_row(row)]
        staged = self._staged(command, "log", files, lambda paths: str(paths.log.parent))
        (staged / files[0].path).replace(target)

    def salvage(self, command: cmd.Salvage) -> None:
        """Bring the log of a failed attempt home if that can be done, then let the worker forget it."""
        self._pools[command.worker].submit(self._salvage, command)

    def _salvage(self, command: cmd.Salvage) -> None:
        try:
            self._bring_log(command)
        except (TwophaseError, OSError) as error:
            self._inbox.put(
                Noted(f"{command.task_id}: the log of attempt {command.attempt} is lost: {error}")
            )
        finally:
            self._links[command.worker].send(msg.Release(command.task_id, command.attempt))

    # ---- artefacts -----------------------------------------------------------------------------------------

    def deliver(self, command: cmd.Deliver) -> None:
        """Bring an artefact to a worker."""
        self._pools[command.worker].submit(self._deliver, command)

    def _deliver(self, command: cmd.Deliver) -> None:
        key = command.worker, command.content_hash
        try:
            self._push(command)
            self._inbox.put(Received(ev.Delivered(self._clock(), *key)))
        except SessionLost:
            pass  # the agent asks again when the link is back
        except Exception as error:  # the dispatcher must hear of it, whatever it is
            self._inbox.put(Received(ev.DeliveryFailed(self._clock(), *key, str(error))))

    def _push(self, command: cmd.Deliver) -> None:
        path = self._library.paths.get(command.content_hash)
        if path is None:
            raise IntegrityError(f"nothing here has the content hash {command.content_hash}")
        if not self._is_whole(command.content_hash, path):
            return
        link = self._links[command.worker]
        session: Session = link.session
        target = self._work_layout(link).incoming(self._run_ids[command.worker], command.content_hash)
        session.push(path, str(target))
        link.send(msg.Delivered(command.content_hash))

    def _is_whole(self, wanted: str, path: Path) -> bool:
        """Check what is about to be sent; a damaged base model is set aside and trained again."""
        if content_hash(digest_directory(path)) == wanted:
            return True
        spec_hash = self._library.base_models.get(wanted)
        if spec_hash is None:
            raise IntegrityError(f"{path} has changed since the run began")
        aside = self._store.set_aside(spec_hash)
        self._inbox.put(Noted(f"base model {spec_hash} is damaged; moved to {aside}, it is trained again"))
        self._inbox.put(Received(ev.BaseModelDamaged(self._clock(), spec_hash)))
        return False

    def _work_layout(self, link: WorkerLink) -> WorkLayout:
        welcome = link.welcome
        if welcome is None:
            raise SessionLost(f"{link.worker} is not connected")
        return WorkLayout(Path(welcome.work_dir))


def _verify(staged: Path, wanted: str, command: cmd.Collect | cmd.Salvage) -> None:
    if content_hash(digest_directory(staged)) != wanted:
        aside = staged.with_name(f"{staged.name}.damaged")
        shutil.rmtree(aside, ignore_errors=True)
        staged.rename(aside)
        raise IntegrityError(
            f"what came from {command.worker} is not what its agent announced; kept in {aside}"
        )


def _write_inline(staged: Path, contents: Mapping[str, str]) -> None:
    shutil.rmtree(staged, ignore_errors=True)
    staged.mkdir(parents=True)
    for name, text in contents.items():
        path = staged / name
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            path.write_bytes(base64.b64decode(text, validate=True))
        except binascii.Error as error:
            raise IntegrityError(f"{name} came garbled: {error}") from error
