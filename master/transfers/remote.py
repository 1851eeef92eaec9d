"""The worker's side of a transfer: the link to it, and what lies where on it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from master.adapters.agent_client import WorkerLink
from master.core.machine_use import MOST_GPUS
from master.errors import SessionLost
from worker_agent.protocol import messages as msg
from worker_agent.protocol.artefacts.fetching import Fetch
from worker_agent.protocol.layout import AttemptLayout, WorkLayout
from worker_agent.protocol.reports import WorkerFacts

_LONGEST_FACT = 40
_LONGEST_NAME = 80
"""Of a GPU."""


@dataclass(frozen=True)
class Remote:
    """A worker as transfers see it.  Whatever needs the link raises SessionLost where it is gone."""

    link: WorkerLink
    run_id: str
    """Names the run on the worker."""
    outlives_agent: bool = False
    """Its files can be had while its agent is gone: a seat's lie on a disk of the login host."""

    @property
    def name(self) -> str:
        """The worker's name."""
        return self.link.worker

    @property
    def connected(self) -> bool:
        """True while the agent answers."""
        return self.link.welcome is not None

    @property
    def cached(self) -> Collection[str]:
        """Content hashes of what its cache held when it was met."""
        welcome = self.link.welcome
        return welcome.cached if welcome else ()

    @property
    def facts(self) -> dict[str, str]:
        """What is known of the worker, for the record of a result: only short texts are taken over."""
        welcome = self.link.welcome
        said = welcome.facts if welcome else WorkerFacts()
        texts = {"python": said.python, "torch": said.torch}
        short = {name: text for name, text in texts.items() if text and len(text) <= _LONGEST_FACT}
        return {"worker": self.name, **short}

    @property
    def _shares_disk(self) -> bool:
        """True for an agent that tells its disk: it then says when it has something, too."""
        welcome = self.link.welcome
        return welcome is not None and bool(welcome.facts.disk)

    @property
    def machine(self) -> dict[str, str | int | None]:
        """What is known of the worker's machine, for the manifest of a base model; None is not known."""
        said = self._facts
        return {
            "hostname": _short(said.hostname),
            "cores": said.cores or None,
            "memory_bytes": said.memory_bytes or None,
            "driver": _short(said.driver),
        }

    def gpus_of(self, slot: str | None) -> list[str]:
        """What the driver calls the GPUs of a slot; none for a CPU, and where it is not known."""
        parts = (slot or "").split(",")[:MOST_GPUS]
        names = (_short(self._facts.gpus.get(part.partition(".")[0], ""), _LONGEST_NAME) for part in parts)
        return [name for name in names if name]

    @property
    def _facts(self) -> WorkerFacts:
        welcome = self.link.welcome
        return welcome.facts if welcome else WorkerFacts()

    @property
    def layout(self) -> WorkLayout:
        """What is where on the worker."""
        welcome = self.link.last_welcome if self.outlives_agent else self.link.welcome
        if welcome is None:
            raise SessionLost(f"{self.name} is not connected")
        return WorkLayout(Path(welcome.work_dir))

    def attempt(self, job_id: str, attempt: int) -> AttemptLayout:
        """What is where of an attempt."""
        return self.layout.attempt(self.run_id, job_id, attempt)

    def checkpoints(self, job_id: str, attempt: int) -> Path:
        """Where an attempt left what another can go on from."""
        return self.layout.checkpoints(self.run_id, job_id, attempt)

    def pull(self, source: Path, staged: Path, names: Collection[str], most: int) -> None:
        """Bring these files of `source` on the worker, of at most so many bytes, to `staged`."""
        try:
            session = self.link.session
            staged.mkdir(parents=True, exist_ok=True)
            session.pull(str(source), staged, names, most)
        except SessionLost:
            if not self.outlives_agent:
                raise
            with self.link.open_session() as own:
                own.pull(str(source), staged, names, most)

    def push(self, path: Path, content_hash: str) -> None:
        """Bring a directory to where the worker's agent verifies it, and tell the agent."""
        target = self.layout.incoming(self.run_id, content_hash)
        self.link.session.push(path, str(target))
        self.link.send(msg.Delivered(content_hash))
        if self._shares_disk:
            self.link.send(Fetch(content_hash))  # others with this disk wait until it has been checked

    def release(self, job_id: str, attempt: int) -> None:
        """Let the worker forget an attempt."""
        self.link.send(msg.Release(job_id, attempt))


def _short(text: str, most: int = _LONGEST_FACT) -> str | None:
    return text if text and len(text) <= most and text.isprintable() else None
