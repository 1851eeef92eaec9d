"""What `nvidia-smi` and `rocm-smi` tell, and which devices follow from it.  Pure: text in, devices out."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any, Dict, Iterable, Iterator, List, Mapping, Optional, Sequence, Tuple

from worker_agent.core.shares import SHARES, Device
from worker_agent.protocol.messages import AUTO, BY_UUID

MIB = 1024 * 1024
_UUID = re.compile(r"GPU-[0-9A-Za-z-]+\Z")
_VERSION = re.compile(r"\d+(\.\d+)+\Z")
_CARD = re.compile(r"card(\d+)\Z")

GPU_FIELDS = (
    *("index", "uuid", "name", "memory.total", "memory.used"),
    *("driver_version", "utilization.gpu", "mig.mode.current"),
)
APP_FIELDS = ("gpu_uuid", "pid", "used_memory")


class GpuError(Exception):
    """The GPUs are not as the settings have them, or cannot be read; the text is for the user."""


@dataclass(frozen=True)
class Gpu:
    """One GPU as its driver's tool tells of it."""

    index: int
    uuid: str
    """What names it whatever its place; for ROCm, which knows none, its index."""
    name: str
    total: Optional[int]
    """Bytes; None where the tool does not tell."""
    used: Optional[int]
    mig: bool = False
    """Cut into MIG devices: left alone unless those are named."""
    utilization: Optional[int] = None
    """Percent of the last moments in which something computed on it, None where the tool does not tell."""
    driver: str = ""
    """The version of its driver; empty where the tool does not tell."""


@dataclass(frozen=True)
class GpuProcess:
    """A process that computes on a GPU."""

    uuid: str
    pid: int
    used: Optional[int]
    """Bytes of the GPU's memory."""


@dataclass(frozen=True)
class Reading:
    """All that a tool told at one time."""

    tool: str
    gpus: Tuple[Gpu, ...]
    processes: Tuple[GpuProcess, ...] = ()
    unlent: bool = False
    """The machine is lent to us, and these GPUs are not, as far as is known: only those named are used."""
    lent_mig: Tuple[str, ...] = ()
    """The MIG devices that are lent to us."""


def parse_gpus(text: str) -> Iterator[Gpu]:
    """Yield the GPUs in the answer to `GPU_FIELDS`, as csv without units; other lines are passed over."""
    for fields in _rows(text):
        if not 5 <= len(fields) <= len(GPU_FIELDS):
            continue
        index, uuid, name, total, used, *more = fields
        if index.isdigit() and _UUID.match(uuid):
            # Some drivers know none of these, some one: no number is a mode, and a version is no number.
            busy = next((number for number in map(_number, more) if number is not None), None)
            driver = next((word for word in more if _VERSION.match(word)), "")
            sizes = _mib(total), _mib(used)
            yield Gpu(int(index), uuid, name, *sizes, "Enabled" in more, _percent(busy), driver)


def parse_apps(text: str) -> Iterator[GpuProcess]:
    """Yield the processes in the answer to `APP_FIELDS`; other lines are passed over."""
    for fields in _rows(text):
        if len(fields) == len(APP_FIELDS) and _UUID.match(fields[0]) and fields[1].isdigit():
            yield GpuProcess(fields[0], int(fields[1]), _mib(fields[2]))


def parse_rocm(text: str) -> List[Gpu]:
    """Return the GPUs in the JSON of `rocm-smi`.  Raises GpuError for text that is none."""
    start = text.find("{")
    try:
        body = json.loads(text[start:]) if start >= 0 else {}
    except (ValueError, RecursionError) as error:
        raise GpuError(f"rocm-smi answered what is no JSON: {text.strip()[:200]!r}") from error
    cards = [(_CARD.match(name), card) for name, card in body.items() if isinstance(card, dict)]
    found = [_card(int(match.group(1)), card) for match, card in cards if match]
    return sorted(found, key=lambda gpu: gpu.index)


def _card(index: int, card: Mapping[str, Any]) -> Gpu:
    facts = {key.lower(): str(value) for key, value in card.items()}
    name = facts.get("card series") or facts.get("card model") or "AMD GPU"
    total, used = facts.get("vram total memory (b)", ""), facts.get("vram total used memory (b)", "")
    busy = _number(facts.get("gpu use (%)", ""))
    return Gpu(index, str(index), name, _number(total), _number(used), utilization=_percent(busy))


def _rows(text: str) -> Iterator[List[str]]:
    for line in text.splitlines():
        yield [field.strip() for field in line.split(",")]


def _number(text: str) -> Optional[int]:
    return int(text) if text.isascii() and text.isdigit() else None


def _percent(number: Optional[int]) -> Optional[int]:
    return None if number is None else min(number, 100)


def _mib(text: str) -> Optional[int]:
    number = _number(text)
    return None if number is None else number * MIB


# --- which of them are used


def gpu_devices(
    wanted: Sequence[str], reading: Optional[Reading], per_gpu: Optional[int], reserve: int
) -> List[Device]:
    """Return the devices that the settings ask for; none where there are none for `auto`.

    `reading` is None where the machine has no tool that could tell: then names are taken at their word.
    Raises GpuError for names that no GPU has.
    """
    if reading is None:
        return [] if _is_auto(wanted) else [_at_its_word(name, per_gpu) for name in wanted]
    if _is_auto(wanted):
        ours = () if reading.unlent else reading.gpus
        whole = [_device(gpu, per_gpu, reserve) for gpu in ours if not gpu.mig]
        return [*whole, *(_at_its_word(name, per_gpu) for name in reading.lent_mig)]
    by_name: Dict[str, Gpu] = {}
    for gpu in reading.gpus:
        by_name.update({str(gpu.index): gpu, gpu.uuid: gpu})
    missing = [name for name in wanted if name not in by_name and not is_mig(name)]
    if missing:
        raise GpuError(f"there is no GPU {', '.join(missing)}; {told(reading)}")
    found = {
        device.name: device
        for device in (
            _at_its_word(name, per_gpu) if is_mig(name) else _device(by_name[name], per_gpu, reserve)
            for name in wanted
        )
    }
    return list(found.values())


def visible_name(device: Device, reading: Optional[Reading], by: str) -> Optional[str]:
    """Return what `CUDA_VISIBLE_DEVICES` is to hold for a job on `device`, None for a CPU.

    An index only where CUDA is certain to count as the tool does: it passes over GPUs that are cut into MIG
    devices, and over lost ones.
    """
    if by == BY_UUID or reading is None or any(gpu.mig for gpu in reading.gpus):
        return device.gpu
    if [gpu.index for gpu in reading.gpus] != list(range(len(reading.gpus))):
        return device.gpu
    indices = {gpu.uuid: str(gpu.index) for gpu in reading.gpus}
    return indices.get(device.gpu or "", device.gpu)


def names_of(devices: Iterable[Device], reading: Optional[Reading]) -> Dict[str, str]:
    """Return what the driver calls the GPU of each device that is one."""
    known = {gpu.uuid: gpu.name for gpu in reading.gpus} if reading else {}
    return {device.name: known[device.gpu] for device in devices if device.gpu in known}


def driver_of(reading: Optional[Reading]) -> str:
    """Return the version of the driver; empty where it is not known."""
    return next((gpu.driver for gpu in reading.gpus if gpu.driver), "") if reading else ""


def told(reading: Reading) -> str:
    """Return which GPUs there are, for the user."""
    if not reading.gpus:
        return f"{reading.tool} knows none"
    shown = ", ".join(f"{gpu.index} ({gpu.name}, {gpu.uuid})" for gpu in reading.gpus)
    return f"{reading.tool} knows {shown}"


def gigabytes(size: Optional[int]) -> str:
    """Return an amount of memory for the user."""
    return "unknown" if size is None else f"{size / 1e9:.1f} GB"


def _is_auto(wanted: Sequence[str]) -> bool:
    return list(wanted) == [AUTO]


def is_mig(name: str) -> bool:
    """Return whether a name is that of a MIG device."""
    return name.startswith("MIG-")


def _at_its_word(name: str, per_gpu: Optional[int]) -> Device:
    usual = SHARES // (per_gpu or 1)
    return Device(f"gpu{name}", SHARES, usual, usual, gpu=name, lock=f"gpu{name}")


def _device(gpu: Gpu, per_gpu: Optional[int], reserve: int) -> Device:
    usual = SHARES // (per_gpu or 1)
    memory = None if gpu.total is None else max(1, gpu.total - reserve)
    unit = usual if per_gpu else 1
    lock, watched = f"gpu{gpu.uuid}", gpu.used is not None
    return Device(f"gpu{gpu.index}", SHARES, usual, unit, memory, gpu.uuid, lock, watched)
