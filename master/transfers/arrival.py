"""Files on their way home: brought to `incoming`, and taken only if they are what was announced."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from master.core.running import commands as cmd
from master.core.running.events import Attempt
from master.errors import IntegrityError
from master.storage.run_layout import RunLayout
from master.transfers.inline import write_inline
from master.transfers.intake import check_names, check_room, clear_others, take_in
from master.transfers.remote import Remote
from worker_agent.protocol.digests import FileDigest, digest_directory
from worker_agent.protocol.outcome import Finished
from worker_agent.protocol.renaming import rename

LOG = "log"
"""The part of an outcome that is a log; the agent calls its inline content by the empty path."""


@dataclass(frozen=True)
class Arrival:
    """What comes home of one attempt."""

    layout: RunLayout
    remote: Remote
    job_id: str
    attempt: int
    finished: Finished

    @classmethod
    def of(
        cls, layout: RunLayout, remote: Remote, command: cmd.Collect | cmd.CollectFailedAttempt
    ) -> Arrival:
        """Return what a command wants brought home."""
        return cls(layout, remote, command.job_id, command.attempt, command.finished)

    @property
    def key(self) -> Attempt:
        """Job and attempt."""
        return self.job_id, self.attempt

    def stage(self, part: str, files: Sequence[FileDigest], source: Callable[[], Path]) -> Path:
        """Return a directory of exactly these files, of the message or from `source` on the worker."""
        inline = self.finished.inline or {}
        names = {"" if part == LOG else item.path: item.path for item in files}
        if not names.keys() <= inline.keys():
            staged = self.fetch(part, source(), files)
        else:
            staged = self._incoming / part
            write_inline(staged, {name: inline[key] for key, name in names.items()})
            self._verified(staged, files)
        if part != LOG:
            self._complete(staged, {item.path for item in files})
        return staged

    def _complete(self, staged: Path, names: set[str]) -> None:
        """Add what has no content: empty folders, and that a file can be executed."""
        for name in self.finished.empty_folders:
            (staged / name).mkdir(parents=True, exist_ok=True)
        for name in names & set(self.finished.executable):
            path = staged / name
            path.chmod(path.stat().st_mode | 0o111)

    def fetch(self, part: str, source: Path, files: Sequence[FileDigest]) -> Path:
        """Return a directory of exactly these files, fetched from `source` on the worker."""
        staged, names = self._incoming / part, check_names(files)
        staged.mkdir(parents=True, exist_ok=True)
        clear_others(staged, set(names))
        sizes = [item.size for item in files]
        check_room(staged, sum(sizes))
        self.remote.pull(source, staged, names, max(sizes, default=0))
        return self._verified(staged, files)

    def clear(self) -> None:
        """Remove what is left in `incoming`."""
        shutil.rmtree(self._incoming, ignore_errors=True)

    @property
    def _incoming(self) -> Path:
        return self.layout.incoming(*self.key)

    def _verified(self, staged: Path, files: Sequence[FileDigest]) -> Path:
        """Raise IntegrityError, and keep the evidence, where a directory is not what was announced."""
        problem = ""
        try:
            take_in(staged, {item.path for item in files})
            if digest_directory(staged) == sorted(files):
                return staged
        except IntegrityError as error:
            problem = f": {error}"
        aside = self.layout.set_aside(f"{staged.parent.name}-{staged.name}-{time.time_ns()}")
        aside.parent.mkdir(parents=True, exist_ok=True)
        rename(staged, aside)
        raise IntegrityError(
            f"what came from {self.remote.name} is not what its agent announced{problem}; kept in {aside}"
        )


def bring_log(arrival: Arrival) -> None:
    """Bring the log of an attempt home, if it has one that is not here yet."""
    file = arrival.finished.log
    target = arrival.layout.log(*arrival.key)
    if not file or target.exists():
        return
    staged = arrival.stage(LOG, [file], lambda: Path(arrival.remote.attempt(*arrival.key).log_folder))
    target.parent.mkdir(parents=True, exist_ok=True)
    rename(staged / file.path, target)
