"""Everything that Twophase raises on purpose.

TwophaseError
├── UsageError          the command line is wrong                              exit 2
├── ConfigError         a file of the user's is wrong: file, place, problem    exit 3
├── NoUsableWorker      no worker can take a job                               exit 4
├── NoMaster            no master runs that could be given an order            exit 5
├── RemoteError         a worker answered with a failure: host, argv, stderr
│   ├── DiskFull        … and asking again helps once somebody has made room, there or here
│   ├── DirectoryGone   … and what was asked for is not there: it may have been wiped
│   └── WorkerUnusable  … and asking again will not help (refused key, no rsync)
├── SessionLost         the link to a worker broke; the worker may be fine
├── IntegrityError      bytes are not what their digest says
└── InternalError       a defect of ours, with the history that led to it       exit 70
"""

from __future__ import annotations

import errno
import shlex
from collections.abc import Sequence

FULL_DISK = frozenset({errno.ENOSPC, errno.EDQUOT})
"""Numbers of errors of the operating system."""


class TwophaseError(Exception):
    """Base of all errors that are shown to the user without a traceback."""

    exit_code = 1


class UsageError(TwophaseError):
    """The command line is wrong."""

    exit_code = 2


class ConfigError(TwophaseError):
    """A user's file is wrong: says the file, the place in it, what is wrong and what is allowed."""

    exit_code = 3

    def __init__(self, source: str, place: str, problem: str) -> None:
        self.source, self.place, self.problem = source, place, problem
        super().__init__(": ".join(part for part in (source, place, problem) if part))


class NoUsableWorker(TwophaseError):
    """No worker of the cluster can take a job."""

    exit_code = 4


class NoMaster(TwophaseError):
    """No master works in the run directory."""

    exit_code = 5


class RemoteError(TwophaseError):
    """A command on a worker failed."""

    def __init__(self, host: str, problem: str, argv: Sequence[str] = (), stderr: str = "") -> None:
        self.host, self.problem, self.argv, self.stderr = host, problem, tuple(argv), stderr
        tail = "\n".join(stderr.strip().splitlines()[-5:])
        command = f" ({shlex.join(argv)[:200]})" if argv else ""
        super().__init__(f"{host}: {problem}{command}" + (f"\n{tail}" if tail else ""))

    @classmethod
    def of(cls, host: str, problem: str, error: OSError) -> RemoteError:
        """Return what an error of the operating system means for a transfer with a worker."""
        kinds = dict.fromkeys(FULL_DISK, DiskFull) | {errno.ENOENT: DirectoryGone}
        return kinds.get(error.errno or 0, cls)(host, problem)

    @property
    def brief(self) -> str:
        """The problem and the command's last words, for where the worker is named already."""
        return "\n".join((self.problem, *self.stderr.strip().splitlines()[-2:]))


class DiskFull(RemoteError):
    """A disk, or a user's share of it, is full on a worker or here.  It passes when somebody makes room."""


class DirectoryGone(RemoteError):
    """What was asked for is not there.  It may come back where a file system was away for a moment."""


class WorkerUnusable(RemoteError):
    """A worker that no second try will make usable: the message says what to do about it."""


class SessionLost(TwophaseError):
    """The link to a worker broke.  What runs on the worker goes on."""


class IntegrityError(TwophaseError):
    """Bytes that are not what their digest says."""


class InternalError(TwophaseError):
    """A defect of Twophase itself."""

    exit_code = 70
