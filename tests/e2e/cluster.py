"""The real command over the workers of a lab, and what its transfers were."""

from __future__ import annotations

import json
import os
import shutil
import time
import uuid
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.e2e.containers import Worker
from tests.support.ssh_home import program

LEDGER = "/ledger"
"""Where the directory of the head node is mounted in which jobs note that they have ended."""

_RSYNC = """#!/bin/sh
# One line a transfer: its start, then its exit code, source and target.
{rsync} "$@"
code=$?
while [ $# -gt 2 ]; do shift; done
printf '%s\\t%s\\t%s\\n' "$code" "$1" "$2" >>"{log}"
exit $code
"""


def server(worker: Worker, **settings: Any) -> dict[str, Any]:
    """Return the entry of a worker, by its alias in the lab's ssh_config."""
    return {"host": worker.name, "gpus": 0, "cpu_slots": 2, **settings}


def fresh_state() -> dict[str, str]:
    """Return settings for a run whose workers know nothing of earlier runs."""
    return {"state_dir": f"~/state-{uuid.uuid4().hex[:8]}"}


@dataclass(frozen=True)
class Transfer:
    """One call of rsync on the head node."""

    exit_code: int
    source: str
    target: str


class Transfers:
    """Every rsync that the head node starts, told by a program in front of the real one on PATH."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir()
        self._log = directory / "transfers.tsv"
        wrapper = directory / "rsync"
        wrapper.write_text(_RSYNC.format(rsync=shutil.which("rsync") or program("rsync"), log=self._log))
        wrapper.chmod(0o755)
        self.env = {"PATH": f"{directory}{os.pathsep}{os.environ['PATH']}"}
        """For the command that is to be watched."""

    def all(self) -> list[Transfer]:
        lines = self._log.read_text().splitlines() if self._log.exists() else []
        return [
            Transfer(int(code), source, target) for code, source, target in (x.split("\t") for x in lines)
        ]

    def sent_base_models(self) -> list[tuple[str, str]]:
        """Return `(spec_hash, worker)` of every base model sent to a worker, in the order of their ends."""
        sent = []
        for item in self.all():
            source = Path(item.source)
            if item.exit_code == 0 and source.parent.name == "base_models" and source.is_absolute():
                sent.append((source.name, item.target.partition(":")[0]))
        return sent


def wait_for(what: str, condition: Callable[[], Any], seconds: float = 60.0) -> Any:
    """Return the first true value of `condition`; fail the test when it stays false."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {seconds:g} s in vain: {what}")
        time.sleep(0.05)
    return found


class Ledger:
    """A directory that the workers see, in which each job notes that it came to its end."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir()
        self._directory, self._file = directory, directory / "none"
        self.volumes = {str(directory): {"bind": LEDGER, "mode": "rw"}}
        """For `Lab.start`."""

    def open(self) -> dict[str, str]:
        """Begin a new page; return the environment of jobs that are to write on it."""
        self._file = self._directory / uuid.uuid4().hex
        self._file.touch()
        # The workers' users are not the head node's.
        self._file.chmod(0o666)
        return {"LEDGER": f"{LEDGER}/{self._file.name}"}

    def ends(self) -> Counter[str]:
        """Return how often each job came to its end."""
        return Counter(json.loads(line)["job"] for line in self._file.read_text().splitlines())


def processes(worker: Worker, word: str) -> list[str]:
    """Return the command lines on a worker, of any user, that hold `word`."""
    listed = worker.exec(["ps", "-eo", "args", "--no-headers"], user="root").stdout.splitlines()
    return [line for line in listed if word in line]
