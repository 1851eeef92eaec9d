"""Slots: shares of the GPUs or of the CPUs, each guarded by a lock that all users of the machine share."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import Dict, FrozenSet, Iterable, List, Optional

from worker_agent.protocol.messages import Settings


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0))


def slot_names(settings: Settings, core_count: int) -> List[str]:
    """Return the slots: one for each GPU named, else CPU slots.  A GPU named twice has two shares."""
    if not settings.gpus:
        count = settings.cpu_slots if settings.cpu_slots is not None else core_count // 2
        return [f"cpu{index}" for index in range(max(1, count))]
    seen: Dict[str, int] = {}
    names = []
    for gpu in settings.gpus:
        share = seen[gpu] = seen.get(gpu, -1) + 1
        names.append(f"gpu{gpu}" if share == 0 else f"gpu{gpu}.share{share}")
    return names


def gpu_of(slot: str) -> Optional[str]:
    """Return the GPU of a slot, None for a CPU slot."""
    return slot[len("gpu") :].partition(".share")[0] if slot.startswith("gpu") else None


class SlotLocks:
    """The locks of one machine.

    A lock is a `flock` on a file that anybody may read, so it ends with the last process that holds the
    file open: the agent and, should the agent be killed, the jobs that it has left running.
    """

    def __init__(self, directory: Path) -> None:
        """Make the directory where it is missing.  Raises OSError where that cannot be."""
        self._directory = directory
        self._held: Dict[str, int] = {}
        try:
            directory.mkdir(mode=0o1777)
            directory.chmod(0o1777)
        except FileExistsError:
            pass

    def take(self, slot: str) -> Optional[int]:
        """Lock a slot and return the descriptor that holds it; None where somebody else has it."""
        descriptor = self._open_file(slot)
        if not _try_lock(descriptor, fcntl.LOCK_EX):
            os.close(descriptor)
            return None
        self._held[slot] = descriptor
        return descriptor

    def free(self, slot: str) -> None:
        """Unlock a slot, also for processes that have inherited the descriptor."""
        descriptor = self._held.pop(slot, None)
        if descriptor is not None:
            fcntl.flock(descriptor, fcntl.LOCK_UN)
            os.close(descriptor)

    def foreign(self, slots: Iterable[str]) -> FrozenSet[str]:
        """Return which of the slots somebody else holds now."""
        return frozenset(slot for slot in slots if slot not in self._held and not self._is_free(slot))

    def close(self) -> None:
        """Unlock all."""
        for slot in list(self._held):
            self.free(slot)

    def _is_free(self, slot: str) -> bool:
        try:
            descriptor = self._open_file(slot)
        except OSError:
            return False
        try:
            # Shared, so that two agents that look at once do not see each other.
            return _try_lock(descriptor, fcntl.LOCK_SH)
        finally:
            os.close(descriptor)

    def _open_file(self, slot: str) -> int:
        """Open without O_CREAT first: in a sticky directory the kernel refuses that for others' files."""
        path = str(self._directory / (slot.replace("/", ",") + ".lock"))
        flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW
        try:
            return os.open(path, flags)
        except FileNotFoundError:
            pass
        try:
            descriptor = os.open(path, flags | os.O_CREAT | os.O_EXCL, 0o644)
            os.fchmod(descriptor, 0o644)
            return descriptor
        except FileExistsError:
            return os.open(path, flags)


def _try_lock(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
