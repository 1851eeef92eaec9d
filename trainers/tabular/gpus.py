"""Which GPUs there are and which are used; `CUDA_VISIBLE_DEVICES` is read and never written."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from trainers.common.devices import resolve_device
from trainers.common.errors import BadInput

VISIBLE = "CUDA_VISIBLE_DEVICES"


@dataclass(frozen=True)
class Gpu:
    """A GPU as this process sees it."""

    number: int
    name: str
    memory: int
    """Bytes."""


def seen_gpus() -> list[Gpu]:
    """Return the GPUs that this process sees, in the order of their numbers."""
    found = []
    for number in range(torch.cuda.device_count() if torch.cuda.is_available() else 0):
        facts = torch.cuda.get_device_properties(number)
        found.append(Gpu(number, facts.name, facts.total_memory))
    return found


def told_gpus() -> str:
    """Return what `--check-gpus` prints: the GPUs, and whether several models can train at once."""
    return "\n".join(gpu_lines(seen_gpus(), os.environ.get(VISIBLE)))


def gpu_lines(gpus: Sequence[Gpu], visible: str | None) -> list[str]:
    """Return a line for each GPU, and one that says what that means for training."""
    lines = [f"{VISIBLE} is {visible!r}: GPUs are numbered among these"] if visible is not None else []
    lines += [
        f"GPU {gpu.number} (cuda:{gpu.number}): {gpu.name}, {gpu.memory / 2**30:.1f} GiB" for gpu in gpus
    ]
    if len(gpus) > 1:
        return [*lines, f"✓ Parallel training on {len(gpus)} GPUs is possible!"]
    rest = "models train one after the other on it" if gpus else "models train one after the other on the CPU"
    return [*lines, f"⚠ Only {len(gpus)} GPU(s) available: {rest}"]


def chosen_devices(device: str, numbers: Sequence[int] | None, *, parallel: bool) -> list[torch.device]:
    """Return the devices to train on, one process each.

    `device`: auto takes all GPUs that there are, else the CPU.  `numbers`: those GPUs alone.  Without
    `parallel` the first one alone.  Raises BadInput for a GPU that this process does not see.
    """
    if numbers is not None:
        found = _of_numbers(numbers, len(seen_gpus()))
    elif device == "auto" and len(gpus := seen_gpus()) > 1:
        found = [torch.device("cuda", gpu.number) for gpu in gpus]
    else:
        found = [resolve_device(device)]
    return found if parallel else found[:1]


def _of_numbers(numbers: Sequence[int], count: int) -> list[torch.device]:
    visible = os.environ.get(VISIBLE)
    for number in numbers:
        if not 0 <= number < count:
            among = f" ({VISIBLE} is {visible!r}, and numbers count from 0 among these)" if visible else ""
            raise BadInput(f"--gpus {number}: this process sees {count} GPUs{among}; --check-gpus tells them")
    return [torch.device("cuda", number) for number in dict.fromkeys(numbers)]
