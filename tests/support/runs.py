"""Runs of the real command, and what must hold of what they leave."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from master.core.running.commands import Transition
from master.core.running.lifecycle import State, Trigger
from master.storage.base_model_store import BaseModelStore
from master.storage.journal import Journal
from master.storage.run_layout import RunLayout
from master.transfers.result_record import without_record
from worker_agent.protocol.digests import content_hash, digest_directory

ROOT = Path(__file__).parents[2]
SCRIPTS = Path(__file__).parent / "scripts"
PARTICIPANTS = ["anna", "bert", "carl", "dora"]
COMPOSITIONS = (0.1, 0.25, 0.5, 0.75, 0.9)


def search(folds: int = 3, **fields: Any) -> list[dict[str, Any]]:
    """Return the batch-composition search: 5 compositions × `folds` folds, one base model a fold."""
    return [
        {
            "fold": fold,
            "participants": PARTICIPANTS,
            "mode": "full_fine_tuning",
            "target_batch_pct": share,
            "prefix": f"batch_comp_{share * 100:.0f}",
            **fields,
        }
        for share in COMPOSITIONS
        for fold in range(folds)
    ]


class JournalReader(Journal):
    """Reads a journal beside its one writer.  A second writer would be in the way of a master that starts."""

    def __init__(self, path: Path) -> None:
        self._db = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=60.0)

    @property
    def begun(self) -> bool:
        """Whether its master has got so far as to make the tables."""
        found = self._db.execute("SELECT 1 FROM sqlite_master WHERE name = 'transitions'").fetchone()
        return found is not None


@dataclass
class Run:
    """A run directory and the command that works in it."""

    root: Path
    servers: Sequence[Mapping[str, Any]]
    jobs: Any
    script: Path | None = SCRIPTS / "train_contract.py"
    cluster: Mapping[str, Any] = field(default_factory=dict)
    env: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.root.mkdir(parents=True, exist_ok=True)
        self.write("cluster.json", {"servers": list(self.servers), **self.cluster})
        self.write("jobs.json", self.jobs)

    def write(self, name: str, content: Any) -> Path:
        """Write a config file beside the run directory."""
        path = self.root / name
        path.write_text(json.dumps(content))
        return path

    @property
    def layout(self) -> RunLayout:
        return RunLayout(self.root / "run")

    def argv(self, *flags: str) -> list[str]:
        """Return the command."""
        root = ("--project-root", str(self.script.parent)) if self.script else ()
        what = ("--script-path", str(self.script), *root) if self.script else ()
        return [
            *(
                sys.executable,
                "-m",
                "master.commands.run_two_phase",
                "--cluster-config",
                str(self.root / "cluster.json"),
            ),
            *("--jobs-config", str(self.root / "jobs.json"), "--run-dir", str(self.layout.root)),
            *(*what, *flags),
        ]

    def environ(self) -> dict[str, str]:
        return {**os.environ, "PYTHONPATH": str(ROOT), **self.env}

    def start(self, *flags: str) -> subprocess.Popen[str]:
        """Start the command in a session of its own."""
        return subprocess.Popen(
            self.argv(*flags),
            env=self.environ(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def finish(self, *flags: str, timeout_s: float = 120) -> subprocess.CompletedProcess[str]:
        """Run the command to its end."""
        return subprocess.run(
            self.argv(*flags), env=self.environ(), capture_output=True, text=True, timeout=timeout_s
        )

    def transitions(self) -> list[Transition]:
        """Return what the journal tells so far; nothing where there is none yet."""
        if not self.layout.journal.exists():
            return []
        with closing(JournalReader(self.layout.journal)) as journal:
            return list(journal.transitions()) if journal.begun else []

    def count(self, trigger: Trigger) -> dict[str, int]:
        """Return how often each job went through a transition."""
        return dict(Counter(item.job_id for item in self.transitions() if item.trigger is trigger))

    def states(self) -> dict[str, State]:
        """Return the state of every job, from the journal."""
        return {item.job_id: item.state for item in self.transitions()}

    def check_complete(self, jobs: int, base_models: int) -> None:
        """Assert that all is there, recorded once, and what its digest says."""
        states = self.states()
        assert set(states.values()) == {State.SUCCEEDED}, states
        committed = self.count(Trigger.COLLECT)
        assert set(committed.values()) == {1}, committed
        assert len(committed) == jobs + base_models
        self._check_results()
        whole, damaged = BaseModelStore(self.layout).scan(p.name for p in self.layout.base_models.iterdir())
        assert len(whole) == base_models and not damaged, damaged

    def record(self, job_id: str) -> dict[str, Any]:
        """Return what a result says of the attempt that made it."""
        return dict(json.loads((self.layout.result(job_id) / "job.json").read_text()))

    def _check_results(self) -> None:
        finished = {item.job_id: item for item in self.transitions() if item.trigger is Trigger.FINISH}
        for job_id, transition in finished.items():
            if job_id.startswith("base_models/"):
                continue
            assert transition.finished is not None
            files = transition.finished.files
            assert files, job_id
            found = without_record(digest_directory(self.layout.result(job_id)), [it.path for it in files])
            assert content_hash(found) == content_hash(files)
            assert self.record(job_id)["content_hash"] == content_hash(files)


def interrupt_twice(master: subprocess.Popen[str]) -> None:
    """Have a run cancel its jobs, and wait for its end."""
    assert master.stdout is not None
    master.send_signal(signal.SIGINT)
    for line in master.stdout:
        if "again to cancel" in line:
            break
    master.send_signal(signal.SIGINT)
    rest, _ = master.communicate(timeout=60)
    assert master.returncode == 130, rest


@contextmanager
def going_on(run: Run, *flags: str) -> Iterator[subprocess.Popen[str]]:
    """Start a run, and let nothing of it outlive the test."""
    master = run.start(*flags)
    try:
        yield master
    finally:
        if master.poll() is None:
            master.kill()
        master.communicate()


def verb(run: Run, *words: str, code: int = 0) -> str:
    """Give an order, or ask, and return what is said."""
    argv = [sys.executable, "-m", "twophase", *words, "--run", str(run.layout.root)]
    done = subprocess.run(argv, env=run.environ(), cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr
