"""`train_probes` within a process that runs many jobs of it, alone or beside each other."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TextIO
from weakref import WeakValueDictionary

import torch

from trainers.common.activations.loading import load_rows
from trainers.common.activations.rows import ResidentRows, Rows
from trainers.common.jobs.members import begun, leave_if_cancelled, run_alone, run_begun
from trainers.probes.cli import NAME, build_parser
from trainers.probes.command import Place, run_of
from trainers.probes.reading.hdf5 import SPLITS, SplitFile, version_of
from trainers.probes.together import Task, run_together
from worker_agent.protocol.members import Member
from worker_agent.protocol.script_contract import ScriptContract


def thread_main(argv: Sequence[str], environ: Mapping[str, str], output: TextIO) -> int:
    """Train the probes that the flags name, telling `output`; return the exit code."""
    return run_alone(group_main, argv, environ, output)


def group_main(members: Sequence[Member]) -> None:
    """Train the probes of all members; what sees the same batches is trained at once.

    Each member ends by itself, with its own exit code and message.
    """
    run_begun(members, _begun, run_together, NAME)


def _begun(member: Member) -> Task | None:
    """Return the job of a member; None where it has none and has ended."""
    may_go_on = leave_if_cancelled(member)

    def task(argv: Sequence[str]) -> Task:
        contract = ScriptContract.from_environ(member.environ)
        place = Place(contract, member.output, Path(member.directory), _data.load)
        return Task(run_of(build_parser().parse_args(argv), place, may_go_on), may_go_on)

    return begun(member, task, NAME)


class SharedRows:
    """Holds each split once for all jobs that read it, and the last layer until another one is read."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rows: WeakValueDictionary[tuple[Any, ...], ResidentRows] = WeakValueDictionary()
        self._last: deque[ResidentRows] = deque(maxlen=len(SPLITS))

    def load(self, split: SplitFile, dtype: torch.dtype, limit: int, device: torch.device) -> Rows:
        """Return what `load_rows` does; a job that wants what another one is reading waits for it."""
        key = (version_of(split.path), split.dataset, dtype, str(device))
        with self._lock:
            held = self._rows.get(key)
            found = load_rows(split, dtype, limit, device) if held is None else held
            if isinstance(found, ResidentRows):
                self._rows[key] = found
                if not any(found is kept for kept in self._last):
                    self._last.append(found)
            return found


_data = SharedRows()
