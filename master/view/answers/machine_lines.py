"""The machines as lines: one for each, and one for each of its GPUs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from rich.text import Text

from master.core.harmless import clean
from master.runs.usage.machines import Looked
from worker_agent.protocol.looks.machine import GpuNow, MachineNow

_BAR = 10
_BUSY, _FULL = 50, 90
"""Percent from which a figure is shown as busy, and as full."""
_LEFT_ALONE = "left alone: in use"
"""What the state of a GPU begins with that gets no jobs, as somebody else uses it."""


def machine_lines(found: Iterable[Looked], width: int) -> Iterator[Text]:
    """Yield the lines, none longer than `width`."""
    for looked in found:
        for line in _of_machine(looked, width):
            line.truncate(width, overflow="ellipsis")
            yield line


def _of_machine(looked: Looked, width: int) -> Iterator[Text]:
    name = (clean(looked.worker), "bold")
    machine = looked.machine
    if machine is None:
        problem = clean(looked.problem)
        yield Text.assemble(name, "  ", (problem, "red") if problem else ("is being looked at", "dim"))
        return
    parts: list[str | tuple[str, str]] = [name, "  cpu ", _percent(machine.cpu_percent)]
    parts += [f" of {machine.cores}, load {machine.load:.1f}", "  memory ", _memory(machine)]
    if machine.slots:
        parts += [f"  slots {machine.slots_taken:g}/{machine.slots}"]
    yield from _in_one_or_two(Text.assemble(*parts), Text(_disks(machine)), width)
    if machine.problem:
        yield Text.assemble("  ", (clean(machine.problem), "red"))
    for gpu in machine.gpus:
        whole = _of_gpu(gpu)
        yield whole if len(whole) <= width else _of_gpu(gpu, named=False)


def _disks(machine: MachineNow) -> str:
    several = len(machine.disks) > 1
    return "".join(
        f"  {_gigabytes(disk.free_bytes)} GB free{f' in {clean(disk.folder)}' if several else ''}"
        for disk in machine.disks
    )


def _in_one_or_two(first: Text, second: Text, width: int) -> Iterator[Text]:
    """Yield two parts as one line where they fit, else below each other."""
    if not second or len(first) + len(second) <= width:
        yield first + second
    else:
        yield from (first, second)


def _of_gpu(gpu: GpuNow, *, named: bool = True) -> Text:
    used, total = gpu.used_bytes, gpu.total_bytes
    memory = "memory not known"
    if used is not None and total:
        memory = f"{_gigabytes(used):>5} of {_gigabytes(total)} GB"
    return Text.assemble(
        f"  gpu{gpu.index} ",
        *_bar(gpu.utilization_percent),
        " ",
        _percent(gpu.utilization_percent),
        f"  {memory}",
        *(f"  {text}" for text in (_users(gpu),) if text),
        (f"  {clean(gpu.name)}" if named else "", "dim"),
        *((f"  {clean(gpu.state)}", "yellow") for _ in (0,) if gpu.state.startswith(_LEFT_ALONE)),
    )


def _users(gpu: GpuNow) -> str:
    """Say whose processes are on a GPU, the programs of each user once."""
    found = Counter((user.user or "somebody", user.command or "?") for user in gpu.users)
    by_user: dict[str, list[str]] = {}
    for (user, command), number in found.items():
        by_user.setdefault(user, []).append(command if number == 1 else f"{command} ×{number}")
    return clean("; ".join(f"{user}: {', '.join(commands)}" for user, commands in by_user.items()))


def _bar(percent: float | None) -> list[tuple[str, str]]:
    filled = 0 if percent is None else round(min(100.0, percent) * _BAR / 100)
    return [("#" * filled, _style(percent)), ("-" * (_BAR - filled), "bright_black")]


def _percent(percent: float | None) -> tuple[str, str]:
    return ("  ? %", "dim") if percent is None else (f"{min(100.0, percent):3.0f} %", _style(percent))


def _style(percent: float | None) -> str:
    if percent is None or percent < _BUSY:
        return "green"
    return "yellow" if percent < _FULL else "red"


def _memory(machine: MachineNow) -> str:
    if not machine.memory_bytes:
        return "not known"
    return f"{_gigabytes(machine.memory_used_bytes)}/{_gigabytes(machine.memory_bytes)} GB"


def _gigabytes(size: int) -> str:
    gigabytes = size / 1e9
    return f"{gigabytes:.1f}" if gigabytes < 100 else f"{gigabytes:.0f}"
