"""Which device a trainer computes on."""

from __future__ import annotations

import os

import torch

from trainers.common.errors import BadInput

_ALLOWED = "must be auto, cpu, cuda, cuda:<number>, mps or 0"


def resolve_device(name: str) -> torch.device:
    """Return the device that `name` (auto, cpu, cuda, cuda:<n>, mps, 0) means; BadInput if there is none."""
    if name in ("auto", "0"):  # a job's own GPU is number 0, on a machine without GPUs too
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise BadInput(f"--device {name}: {_ALLOWED}") from error
    if device.type not in ("cpu", "cuda", "mps"):
        raise BadInput(f"--device {name}: {_ALLOWED}")
    if device.type == "mps" and not torch.backends.mps.is_available():
        raise BadInput(f"--device {name}: this machine has no MPS device")
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise BadInput(f"--device {name}: this machine shows {torch.cuda.device_count()} CUDA devices")
    # With its number, as the devices of tensors have: "cuda" and "cuda:0" are not equal.
    return torch.device("cuda", device.index or 0) if device.type == "cuda" else device


def widest(device: torch.device) -> torch.dtype:
    """Return the widest type that a device adds in."""
    return torch.float32 if device.type == "mps" else torch.float64


def wide(values: torch.Tensor) -> torch.Tensor:
    """Return values as float64, on the host where their device has none."""
    return (values.cpu() if values.device.type == "mps" else values).double()


def usable_cores() -> int:
    """Return how many cores this process may use."""
    # macOS has no affinity.
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
