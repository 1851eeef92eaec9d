"""Whether a job has left nothing at all: most short jobs have not, and one look at each folder tells.

Whatever is made, removed or renamed in a folder changes its times, and so does another mode or owner.  Times
are believed only where the last change is known to be older than their grain, by the clock of this machine,
and where they are finer than a second: else folders are listed, as ever.
"""

from __future__ import annotations

import os
import stat
import time
from dataclasses import dataclass, replace
from typing import Dict, Optional, Tuple

from worker_agent.attempts.private_copy import TICK_NS, Looks, PrivateCopy, looks_at
from worker_agent.protocol.layout import AttemptLayout

_S_NS = 1_000_000_000
Access = Tuple[int, int, int]
"""Mode, user and group."""


@dataclass(frozen=True)
class Stamps:
    """What the folders of an attempt that nobody uses looked like."""

    folders: Dict[str, Looks]
    """`work`, what was copied there, and `output`, by their paths below the attempt's directory."""
    root_changed_ns: int
    """When an entry of the attempt's own directory was made or removed last; its name comes after this."""
    log_folder: Access
    taken_ns: int
    """On the clock that is never set."""


@dataclass(frozen=True)
class Before:
    """What the directory of an attempt looked like before its job started."""

    stamps: Stamps
    root: Optional[Looks]
    """Since it has its name; None where the stamps are too young to tell anything."""


@dataclass(frozen=True)
class Emptiness:
    """An empty directory that is given from one attempt to the next."""

    folder: str
    changed_ns: int
    """When an entry was made or removed last, by its file system …"""
    taken_ns: int
    """… and when that was looked at first, on the clock that is never set."""
    given: Optional[Looks] = None
    """What it looks like since it was given; None where that tells nothing."""

    @classmethod
    def of(cls, folder: str, earlier: Optional["Emptiness"]) -> "Emptiness":
        """Return what is known of a directory that is empty, and was `earlier`.  Raises OSError."""
        changed_ns, now_ns = looks_at(folder)[2][0], time.monotonic_ns()
        is_same = earlier is not None and earlier.changed_ns == changed_ns
        return cls(folder, changed_ns, earlier.taken_ns if earlier and is_same else now_ns)

    def moved_to(self, folder: str) -> "Emptiness":
        """Return the same of a directory that has just got another name.  Raises OSError."""
        is_fine = self.changed_ns % _S_NS != 0
        tells = is_fine and time.monotonic_ns() - self.taken_ns >= TICK_NS
        return Emptiness(folder, self.changed_ns, self.taken_ns, looks_at(folder) if tells else None)

    def is_as_given(self) -> bool:
        """Return whether one look tells that it is empty still; a listing may tell too.  Raises OSError."""
        return self.given is not None and looks_at(self.folder) == self.given


def access_of(folder: str) -> Access:
    """Return what is to be seen of a directory apart from its entries.  Raises OSError."""
    status = os.lstat(folder)
    return status.st_mode, status.st_uid, status.st_gid


def take(root: str, copy: PrivateCopy, earlier: Optional[Stamps] = None) -> Optional[Stamps]:
    """Return what the folders of an attempt look like: the `earlier` stamps where that is the same.

    None where times are too coarse to tell anything.  Raises OSError.
    """
    below = ("work", "output", *(f"work/{name}" for name in copy.folders))
    folders = {name: looks_at(f"{root}/{name}") for name in below}
    if any(time_ns % _S_NS == 0 for looks in folders.values() for time_ns in looks[2]):
        return None
    changed_ns, log_folder = looks_at(root)[2][0], access_of(AttemptLayout(root).log_folder)
    taken = Stamps(folders, changed_ns, log_folder, time.monotonic_ns())
    return earlier if earlier and replace(earlier, taken_ns=taken.taken_ns) == taken else taken


def before_start(root: str, stamps: Optional[Stamps]) -> Optional[Before]:
    """Return what is to be compared in the end, if anything.  Raises OSError."""
    if stamps is None:
        return None
    is_young = time.monotonic_ns() - stamps.taken_ns < TICK_NS
    return Before(stamps, None if is_young else looks_at(root))


def is_as_before(attempt: AttemptLayout, before: Before, copy: PrivateCopy, since_ns: int) -> bool:
    """Return whether a job that was started at `since_ns` has left nothing, its log included.

    False too where only a closer look would tell.  Raises OSError.
    """
    top = attempt.root
    if before.root is None or looks_at(top) != before.root:
        return False
    if any(looks_at(f"{top}/{name}") != looks for name, looks in before.stamps.folders.items()):
        return False
    settled_ns = since_ns - TICK_NS
    for name, looks in copy.looks.items():
        if looks[2][1] >= settled_ns or looks_at(f"{top}/work/{name}") != looks:
            return False
    return _has_said_nothing(attempt, before.stamps.log_folder)


def _has_said_nothing(attempt: AttemptLayout, before: Access) -> bool:
    """Return whether the log lies alone in its folder, and is empty."""
    if os.listdir(attempt.log_folder) != [os.path.basename(attempt.log)]:
        return False
    status = os.lstat(attempt.log)
    return stat.S_ISREG(status.st_mode) and status.st_size == 0 and access_of(attempt.log_folder) == before
