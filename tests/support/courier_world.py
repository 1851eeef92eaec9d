"""A head node, a worker and the courier between them, for tests."""

from __future__ import annotations

import base64
import errno
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty, SimpleQueue
from types import MappingProxyType
from typing import Any, cast

import pytest

from master.adapters.agent_client import WorkerLink
from master.adapters.inbox import Inbox, Noted, Received
from master.adapters.session import Session
from master.core.running import commands as cmd
from master.core.running import events as ev
from master.errors import SessionLost
from master.storage.base_model_store import BaseModelStore
from master.storage.checkpoint_store import CheckpointStore
from master.storage.library import Library
from master.storage.run_layout import RunLayout
from master.transfers.courier import Courier
from master.transfers.home import Home
from master.transfers.remote import Remote
from master.transfers.reporter import Reporter
from master.transfers.retry import Pauses
from tests.support.attempt_paths import paths_of
from tests.support.endings import finished
from tests.support.fake_session import FakeSession
from worker_agent.protocol import messages as msg
from worker_agent.protocol.digests import content_hash, digest_directory
from worker_agent.protocol.layout import AttemptLayout, WorkLayout
from worker_agent.protocol.reports import WorkerFacts

SOON_S = 20.0
"""For what must come; only a failing test waits so long."""
NO_SPACE = OSError(errno.ENOSPC, "No space left on device")
JOB, SPEC = "alpha/job", "5" * 32
BASE = f"base_models/{SPEC}"
WELCOME = msg.Welcome(msg.PROTOCOL, "d", "boot", ["cpu0"], 0, [], [], "/work", WorkerFacts())
SHA = "0" * 64
NO_PAUSES = Pauses(0.0, 0.0, (0.0,))


@dataclass
class Line:
    """A link whose session and state a test sets."""

    session_or_none: FakeSession | None
    worker: str = "lab1"
    welcome: msg.Welcome | None = WELCOME
    sent: list[msg.ToAgent] = field(default_factory=list)
    last_welcome: msg.Welcome | None = WELCOME
    another: FakeSession | None = None

    def open_session(self) -> Session:
        if self.another is None:
            raise SessionLost(f"{self.worker}: no route to host")
        return self.another

    @property
    def session(self) -> Session:
        if self.welcome is None or self.session_or_none is None:
            raise SessionLost(f"{self.worker} is not connected")
        return self.session_or_none

    def send(self, message: msg.ToAgent) -> None:
        self.sent.append(message)


@dataclass
class CourierWorld:
    """A head node, one worker, and a courier between them."""

    tmp_path: Path
    library: Library = field(default_factory=Library)
    inbox: Inbox = field(default_factory=SimpleQueue)
    pauses: Pauses = NO_PAUSES

    def __post_init__(self) -> None:
        self.layout = RunLayout(self.tmp_path / "run")
        self.store = BaseModelStore(self.layout)
        self.checkpoints = CheckpointStore(self.layout)
        self.remote = self.tmp_path / "remote"
        self.session = FakeSession("lab1", root=self.remote)
        self.line = Line(self.session)
        home = Home(
            *(self.layout, self.store, self.library, lambda spec_hash: {"lr": spec_hash}, self.checkpoints)
        )
        self.remotes = {"lab1": Remote(cast(WorkerLink, self.line), "run1")}
        self.courier = Courier(home, self.remotes, Reporter(self.inbox, lambda: 5.0), self.pauses)

    def add_worker(self, name: str, *, connected: bool = True) -> WorkLayout:
        """Let there be another worker; return what is where on it."""
        root = self.tmp_path / name
        line = Line(FakeSession(name, root=root), name, WELCOME if connected else None)
        self.remotes[name] = Remote(cast(WorkerLink, line), "run1")
        return WorkLayout(root / "work")

    def attempt(self, job_id: str = JOB, attempt: int = 1) -> AttemptLayout:
        return WorkLayout(self.remote / "work").attempt("run1", job_id, attempt)

    def produce(self, job_id: str = JOB, attempt: int = 1, **contents: str) -> list[list[Any]]:
        """Let an attempt leave files, and return their rows."""
        return put(paths_of(self.attempt(job_id, attempt)).output, contents)

    def collect(
        self,
        detail: Mapping[str, Any],
        job_id: str = JOB,
        attempt: int = 1,
        others: Mapping[int, Mapping[str, Any]] = MappingProxyType({}),
    ) -> None:
        former = {number: finished(**said) for number, said in others.items()}
        self.courier.collect(cmd.Collect("lab1", job_id, attempt, finished(**detail), former))

    def collect_failed(self, detail: Mapping[str, Any]) -> None:
        end = finished(**{"outcome": "failed", **detail})
        self.courier.collect_failed(cmd.CollectFailedAttempt("lab1", JOB, 1, end))

    def event(self) -> ev.Event:
        """Return the next event, past the notes."""
        while not isinstance(item := self.inbox.get(timeout=SOON_S), Received):
            pass
        return item.event

    def note(self) -> str:
        item = self.inbox.get(timeout=SOON_S)
        assert isinstance(item, Noted), item
        return item.text

    def silent(self) -> bool:
        """Let all that is under way end, and tell whether nothing was said."""
        self.courier.close()
        try:
            self.inbox.get_nowait()
        except Empty:
            return True
        return False

    def result(self, job_id: str = JOB) -> dict[str, str]:
        """Return what the job left; the record that is published with it is `record`."""
        found = self.published(job_id)
        return {name: text for name, text in found.items() if name != "job.json"}

    def published(self, job_id: str = JOB) -> dict[str, str]:
        """Return all that lies in the place of a result."""
        folder = self.layout.result(job_id)
        return {path.name: path.read_text() for path in folder.iterdir()} if folder.exists() else {}

    def record(self, job_id: str = JOB) -> dict[str, Any]:
        """Return what a result says of the attempt that made it."""
        return dict(json.loads(self.published(job_id)["job.json"]))


def put(folder: Path, contents: Mapping[str, str]) -> list[list[Any]]:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in contents.items():
        (folder / name).write_text(text)
    return [list(file) for file in digest_directory(folder)]


def encoded(**contents: str) -> dict[str, str]:
    return {name: base64.b64encode(text.encode()).decode() for name, text in contents.items()}


def hash_of(folder: Path) -> str:
    return content_hash(digest_directory(folder))


def fail_first(
    monkeypatch: pytest.MonkeyPatch, session: FakeSession, verb: str, *errors: BaseException
) -> None:
    """Let the first calls of a verb raise."""
    left, real = list(errors), getattr(session, verb)

    def failing(*arguments: Any) -> None:
        if left:
            raise left.pop(0)
        real(*arguments)

    monkeypatch.setattr(session, verb, failing)
