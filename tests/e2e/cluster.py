"""The real command over the workers of a lab, and what its transfers were."""

from __future__ import annotations

import json
import os
import shutil
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.e2e.containers import Lab, Worker
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


def ssh_files(lab: Lab) -> dict[str, str]:
    """Return the settings of a cluster config that make the lab's aliases and host keys known."""
    return {"ssh_config": str(lab.client.config), "known_hosts": str(lab.client.known_hosts)}


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
        return [Transfer(int(code), source, target) for code, source, target in (x.split("\t") for x in lines)]

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


def ledger_lines(ledger: Path) -> list[tuple[str, int, str]]:
    """Return `(job_id, attempt, host)` of every attempt that came to its end, told by the jobs themselves."""
    rows = [json.loads(line) for line in (ledger / "ended").read_text().splitlines()]
    return [(row["job"], row["attempt"], row["host"]) for row in rows]


def make_ledger(directory: Path) -> tuple[Mapping[str, Mapping[str, str]], dict[str, str]]:
    """Return volumes and environment with which the jobs of a worker note in `directory` that they ended."""
    directory.mkdir(mode=0o777)
    directory.chmod(0o777)
    ended = directory / "ended"
    ended.touch(mode=0o666)
    ended.chmod(0o666)
    return {str(directory): {"bind": LEDGER, "mode": "rw"}}, {"LEDGER": f"{LEDGER}/ended"}


def job_processes(worker: Worker, *patterns: str) -> Sequence[str]:
    """Return the command lines on a worker that hold one of the patterns."""
    listed = worker.exec(["ps", "-eo", "args", "--no-headers"], user="root").stdout.splitlines()
    return [line for line in listed if any(pattern in line for pattern in patterns)]
