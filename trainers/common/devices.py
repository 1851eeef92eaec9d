"""Which device a trainer computes on."""

from __future__ import annotations

import torch

from trainers.common.errors import BadInput

_ALLOWED = "must be auto, cpu, cuda, cuda:<number> or 0"


def resolve_device(name: str) -> torch.device:
    """Return the device that `name` (auto, cpu, cuda, cuda:<n>, 0) means here; BadInput if there is none."""
    if name in ("auto", "0"):  # a job's own GPU is number 0, on a machine without GPUs too
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise BadInput(f"--device {name}: {_ALLOWED}") from error
    if device.type not in ("cpu", "cuda"):
        raise BadInput(f"--device {name}: {_ALLOWED}")
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise BadInput(f"--device {name}: this machine shows {torch.cuda.device_count()} CUDA devices")
    # With its number, as the devices of tensors have: "cuda" and "cuda:0" are not equal.
    return torch.device("cuda", device.index or 0) if device.type == "cuda" else device
