"""The locks of slots, which all users and runs of a machine share."""

from __future__ import annotations

import array
import contextlib
import fcntl
import os
import socket
import struct
from pathlib import Path
from typing import Dict, Iterable, Iterator, List, Optional, Sequence, Tuple

from worker_agent.core.shares import Device, device_of, everything, mask_of, parts_of

# Locks of open files, not of processes: the `fcntl` module names them from Python 3.9 on.
_GET, _SET = 36, 37
_FLOCK = "hhqqi4x"


def cores() -> int:
    """Return how many cores this process may use: of an allocation's machine no more than are lent to it."""
    given, allowed = os.environ.get("SLURM_CPUS_ON_NODE", ""), len(os.sched_getaffinity(0))
    return min(allowed, int(given)) if given.isdigit() and int(given) else allowed


class SlotLocks:
    """The locks of one machine.

    A share is a byte of its device's file, which anybody may open.  The lock on it ends with the last process
    that holds the file open: the agent and, should the agent be killed, the job that it has left running.
    """

    def __init__(self, directory: Path) -> None:
        """Make the directory where it is missing.  Raises OSError where that cannot be."""
        self._directory = directory
        self._held: Dict[str, Tuple[int, int]] = {}
        """Descriptors and shares by the parts of slots."""
        self._bundles: Dict[str, socket.socket] = {}
        """What holds the descriptors of slots with several parts, by slot."""
        try:
            directory.mkdir(mode=0o1777)
            directory.chmod(0o1777)
        except FileExistsError:
            pass

    def check(self, devices: Iterable[Device]) -> None:
        """Raise OSError where the lock of a device cannot be opened: its slots would seem taken for ever."""
        for device in devices:
            try:
                os.close(self._open_file(device.lock))
            except OSError as error:
                problem = f"the lock {error.filename} cannot be opened: {error.strerror}"
                raise OSError(f"{problem}; its owner must remove it, or `chmod 666` it") from error

    def take(self, slot: str, devices: Sequence[Device]) -> Optional[int]:
        """Lock a slot and return the descriptor that holds it; None where somebody else has part of it.

        `devices` are those of the slot's parts, in their order.  Raises OSError, and has locked nothing then.
        """
        try:
            return self._take(slot, devices)
        except OSError:
            self.free(slot)
            raise

    def _take(self, slot: str, devices: Sequence[Device]) -> Optional[int]:
        found: List[int] = []
        for part, device in zip(parts_of(slot), devices):
            descriptor = self._take_part(part, device)
            if descriptor is None:
                self.free(slot)
                return None
            found.append(descriptor)
        if len(found) == 1:
            return found[0]
        self._bundles[slot] = _bundle(found)
        return self._bundles[slot].fileno()

    def _take_part(self, part: str, device: Device) -> Optional[int]:
        mask = mask_of(part) & everything(device)
        descriptor = self._open_file(device.lock)
        try:
            is_ours = all(_try_lock(descriptor, share) for share in _bits(mask))
        except OSError:  # of a file system that is short of locks, or that has none
            os.close(descriptor)
            raise
        if not is_ours:
            os.close(descriptor)
            return None
        self._held[part] = descriptor, mask
        return descriptor

    def free(self, slot: str) -> None:
        """Unlock a slot, also for processes that have inherited the descriptor."""
        for part in parts_of(slot):
            self._free_part(part)
        bundle = self._bundles.pop(slot, None)
        if bundle:
            bundle.close()

    def _free_part(self, part: str) -> None:
        descriptor, mask = self._held.pop(part, (-1, 0))
        if mask:
            for share in _bits(mask):
                fcntl.fcntl(descriptor, _SET, _lock(fcntl.F_UNLCK, share))
            os.close(descriptor)

    def others(self, device: Device, ours: int) -> int:
        """Return which shares of a device somebody else holds now, as bits; `ours` are not looked at.

        Nor are those whose locks are still here, to be given back within this turn.
        """
        ours |= self._own(device)
        try:
            descriptor = self._open_file(device.lock)
        except OSError:
            return everything(device) & ~ours
        try:
            return sum(
                1 << share for share in _bits(everything(device) & ~ours) if _is_held(descriptor, share)
            )
        finally:
            os.close(descriptor)

    def _own(self, device: Device) -> int:
        mask = 0
        for slot, (_, held) in self._held.items():
            mask |= held if device_of(slot) == device.name else 0
        return mask

    def close(self) -> None:
        """Unlock all."""
        for slot in [*self._bundles, *self._held]:
            self.free(slot)

    def _open_file(self, lock: str) -> int:
        """Open without O_CREAT first: in a sticky directory the kernel refuses that for others' files."""
        path = f"{self._directory}/{lock.replace('/', ',')}.lock"
        flags = os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW
        try:
            return os.open(path, flags)
        except FileNotFoundError:
            pass
        _make_for_all(path)
        return os.open(path, flags)


def _bundle(descriptors: Sequence[int]) -> socket.socket:
    """Return a socket on which these descriptors wait to be received: whoever inherits it holds them all."""
    ours, held = socket.socketpair()
    with ours:
        rights = array.array("i", descriptors).tobytes()
        try:
            ours.sendmsg([b"\0"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, rights)])
        except OSError:  # too many are under way
            held.close()
            raise
    return held


def _make_for_all(path: str) -> None:
    """Make a file that everybody may open from the moment it is there, unless there is one."""
    fresh = f"{path}.{os.getpid()}"
    descriptor = os.open(fresh, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o666)
    try:
        os.fchmod(descriptor, 0o666)
        with contextlib.suppress(FileExistsError):
            os.link(fresh, path)
    finally:
        os.close(descriptor)
        Path(fresh).unlink()


def _lock(kind: int, share: int) -> bytes:
    return struct.pack(_FLOCK, kind, os.SEEK_SET, share, 1, 0)


def _try_lock(descriptor: int, share: int) -> bool:
    try:
        fcntl.fcntl(descriptor, _SET, _lock(fcntl.F_WRLCK, share))
    except BlockingIOError:
        return False
    return True


def _is_held(descriptor: int, share: int) -> bool:
    answer = fcntl.fcntl(descriptor, _GET, _lock(fcntl.F_WRLCK, share))
    return bool(struct.unpack(_FLOCK, answer)[0] != fcntl.F_UNLCK)


def _bits(mask: int) -> Iterator[int]:
    return (share for share in range(mask.bit_length()) if mask >> share & 1)
