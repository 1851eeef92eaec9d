"""A project in which `run_all_training` runs, for tests that run the real command."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
MARK = "TWOPHASE_TEST_OF_TRAINING"


@dataclass
class Shop:
    """A project and the command that runs in it."""

    root: Path
    project: Path
    env: dict[str, str] = field(default_factory=dict)

    def write(self, name: str, text: str) -> None:
        path = self.project / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    @property
    def environ(self) -> dict[str, str]:
        home = self.root / "home"
        home.mkdir(exist_ok=True)
        return {
            **os.environ,
            **{"PYTHONPATH": str(ROOT), "HOME": str(home), "TEST_ROOT": str(self.root), MARK: str(self.root)},
            **{"TWOPHASE_AGENT_IDLE_S": "60", "TWOPHASE_SLOT_DIR": str(self.root / "slots")},
            **self.env,
        }

    def start(self, *flags: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "master.commands.run_all_training", *flags],
            **{"cwd": self.project, "env": self.environ, "text": True, "start_new_session": True},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )

    def finish(self, *flags: str) -> subprocess.CompletedProcess[str]:
        argv = [sys.executable, "-m", "master.commands.run_all_training", *flags]
        return subprocess.run(
            argv, cwd=self.project, env=self.environ, capture_output=True, text=True, timeout=120
        )

    def summary(self, *flags: str, code: int = 0) -> dict[str, Any]:
        """Run to the end and return the summary of standard output."""
        done = self.finish(*flags, "--json")
        assert done.returncode == code, done.stdout + done.stderr
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    def jobs(self, *flags: str, code: int = 0) -> dict[str, dict[str, Any]]:
        return {job["id"]: job for job in self.summary(*flags, code=code)["jobs"]}

    def wait_for_line(self, process: subprocess.Popen[str], wanted: str) -> None:
        assert process.stdout is not None
        assert any(wanted in line for line in process.stdout), f"never said: {wanted}"

    def processes(self) -> Iterator[int]:
        """Yield the processes of jobs of this test that live."""
        for entry in Path("/proc").glob("[0-9]*/environ"):
            with suppress(OSError):
                words = entry.read_bytes().split(b"\0")
                is_job = any(word.startswith(b"TWOPHASE_JOB_ID=") for word in words)
                if is_job and f"{MARK}={self.root}".encode() in words:
                    yield int(entry.parent.name)
