"""What slots are made of: every GPU has the same number of shares, and a slot is some of one GPU's.

A slot that takes all of a device has the device's name (`gpu0`, `cpu3`); else its shares are in its name:
`gpu0.m0-15`, `gpu0.m3+8-9`.  The slot of a job on several GPUs is one of each: `gpu0,gpu1.m0-31`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import FrozenSet, Iterable, List, Mapping, Optional, Tuple

from worker_agent.protocol.terms import MOST_ON_A_GPU

SHARES = MOST_ON_A_GPU
"""Shares of a GPU, and so the most jobs that it runs at a time."""
_MOST_NAMES = 1024
"""Names of slots of which it is remembered what they say: a short job asks ten times."""


@dataclass(frozen=True)
class Device:
    """Something that jobs run on."""

    name: str
    shares: int = 1
    usual: int = 1
    """Shares of a job that does not say what it needs."""
    unit: int = 1
    """Jobs take multiples of so many shares."""
    memory: Optional[int] = None
    """Bytes to give out, all shares together; None where they are not known."""
    gpu: Optional[str] = None
    """What names it whatever its place, where that is known: its UUID; None for a CPU."""
    lock: str = ""
    """The name of the file whose bytes are the shares' locks."""
    watched: bool = False
    """Its memory in use can be read."""

    @property
    def is_by_memory(self) -> bool:
        """Whether nobody has said how many jobs run on it at a time: what they need, and gain, decides."""
        return self.memory is not None and self.unit < self.usual == self.shares


def cpu_devices(count: int) -> List[Device]:
    """Return CPU slots."""
    return [Device(f"cpu{index}", lock=f"cpu{index}") for index in range(count)]


def shares_for(device: Device, need: Optional[int], alone: bool) -> Optional[int]:
    """Return how many shares a job takes that needs `need` bytes of GPU memory; None if it never fits."""
    if need is not None and device.memory is not None and need > device.memory:
        return None
    if alone or device.shares == 1:
        return device.shares
    if need is None or device.memory is None:
        return device.usual
    units = -(-need * device.shares // (device.memory * device.unit))
    return min(device.shares, max(1, units) * device.unit)


def has_for(device: Device, taken: int, need: Optional[int], alone: bool) -> bool:
    """Return whether a device has the shares of a job beside those `taken`, as bits."""
    count = shares_for(device, need, alone)
    return count is not None and size(everything(device) & ~taken) >= count


def choose(
    devices: Iterable[Device], taken: Mapping[str, int], need: Optional[int], alone: bool
) -> Optional[str]:
    """Return the slot for a job, on the device with most to give; None if it has to wait.

    `taken` holds the shares in use by device, as bits.
    """
    best, most = None, -1.0
    for device in devices:
        count, free = shares_for(device, need, alone), everything(device) & ~taken.get(device.name, 0)
        left = size(free)
        room = left * (device.memory or 1) / device.shares
        if count is not None and left >= count and room > most:
            best, most = slot_name(device, _lowest(free, count)), room
    return best


def choose_several(
    devices: Iterable[Device], taken: Mapping[str, int], need: Optional[int], alone: bool, count: int
) -> Optional[str]:
    """Return the slot for a job that gets the same of `count` devices; None if it has to wait."""
    if count == 1:
        return choose(devices, taken, need, alone)
    left, parts = list(devices), []
    for _ in range(count):
        part = choose(left, taken, need, alone)
        if part is None:
            return None
        parts.append(part)
        left = [device for device in left if device.name != device_of(part)]
    return ",".join(sorted(parts))


def freest(
    devices: Iterable[Device], taken: Mapping[str, int], need: Optional[int], count: int
) -> FrozenSet[str]:
    """Return the names of those `count` devices that will soonest have room for a job that fits there."""
    fitting = [device for device in devices if shares_for(device, need, alone=False) is not None]
    room = {device.name: size(everything(device) & ~taken.get(device.name, 0)) for device in fitting}
    return frozenset(sorted(room, key=lambda name: (-room[name], name))[:count])


def usual_slots(device: Device) -> List[str]:
    """Return the slots of a device whose jobs do not say what they need."""
    masks = [((1 << device.usual) - 1) << first for first in range(0, device.shares, device.usual)]
    return [slot_name(device, mask) for mask in masks if not mask & ~everything(device)]


def everything(device: Device) -> int:
    """Return all shares of a device, as bits."""
    return (1 << device.shares) - 1


def size(mask: int) -> int:
    """Return the number of shares in a mask."""
    return bin(mask).count("1")


def slot_name(device: Device, mask: int) -> str:
    """Return the name of the slot that takes the shares in `mask`."""
    return device.name if mask == everything(device) else f"{device.name}.m{'+'.join(_runs(mask))}"


@lru_cache(_MOST_NAMES)
def parts_of(slot: str) -> Tuple[str, ...]:
    """Return the slots of single devices that a slot is made of: itself, but for jobs on several GPUs."""
    return tuple(slot.split(",")) if slot else ()


@lru_cache(_MOST_NAMES)
def devices_of(slot: str) -> Tuple[str, ...]:
    """Return the names of a slot's devices."""
    return tuple(map(device_of, parts_of(slot)))


@lru_cache(_MOST_NAMES)
def device_of(slot: str) -> str:
    """Return the name of the device of a slot that is on one."""
    return slot.partition(".")[0]


@lru_cache(_MOST_NAMES)
def mask_of(slot: str) -> int:
    """Return the shares of a slot, as bits; all that there can be where it takes the whole device."""
    runs = slot.partition(".m")[2]
    if not runs:
        return (1 << SHARES) - 1
    mask = 0
    for run in runs.split("+"):
        first, _, last = run.partition("-")
        mask |= (1 << (int(last or first) + 1)) - (1 << int(first))
    return mask


def _lowest(mask: int, count: int) -> int:
    found = 0
    while count:
        bit = mask & -mask
        found, mask, count = found | bit, mask ^ bit, count - 1
    return found


def _runs(mask: int) -> List[str]:
    runs, first = [], 0
    while mask >> first:
        if not mask >> first & 1:
            first += 1
            continue
        last = first
        while mask >> (last + 1) & 1:
            last += 1
        runs.append(f"{first}-{last}" if last > first else str(first))
        first = last + 1
    return runs
