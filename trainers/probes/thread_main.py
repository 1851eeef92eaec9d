"""`train_probes` as a thread of a process that runs many of it: same flags, same files, same results."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any, TextIO
from weakref import WeakValueDictionary

import torch

from trainers.common.activations.loading import load_rows
from trainers.common.activations.rows import ResidentRows, Rows
from trainers.common.errors import exit_code_of
from trainers.probes import cli
from trainers.probes.reading.hdf5 import SPLITS, SplitFile
from worker_agent.protocol.script_contract import ScriptContract


def thread_main(argv: Sequence[str], environ: Mapping[str, str], output: TextIO) -> int:
    """Train the probes that the flags name, telling `output`; return the exit code.

    Raises SystemExit for flags that are none.
    """
    arguments = cli.build_parser().parse_args(argv)
    contract = ScriptContract.from_environ(environ)
    return exit_code_of(lambda: cli.train(arguments, contract, output, _data.load), cli.NAME, output)


class SharedRows:
    """Holds each split once for all jobs that read it, and the last layer until another one is read."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rows: WeakValueDictionary[tuple[Any, ...], ResidentRows] = WeakValueDictionary()
        self._last: deque[ResidentRows] = deque(maxlen=len(SPLITS))

    def load(self, split: SplitFile, dtype: torch.dtype, limit: int, device: torch.device) -> Rows:
        """Return what `load_rows` does; a job that wants what another one is reading waits for it."""
        stat = split.path.stat()
        version = (str(split.path.resolve()), stat.st_ino, stat.st_mtime_ns, stat.st_size)
        key = (*version, split.dataset, dtype, str(device))
        with self._lock:
            held = self._rows.get(key)
            found = load_rows(split, dtype, limit, device) if held is None else held
            if isinstance(found, ResidentRows):
                self._rows[key] = found
                if not any(found is kept for kept in self._last):
                    self._last.append(found)
            return found


_data = SharedRows()
