"""Which GPUs of a machine are lent to an allocation of Slurm, by what it tells its processes.  Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import Mapping

from worker_agent.devices.gpus import Gpu, Reading, is_mig

NONE_LENT = (
    "its node has GPUs, of which Slurm gives none to this allocation: they are left alone; ask for some by"
    " `--gres` (in the `options` of a pool), or set `gpus` to 0"
)
_TOOLS = {"rocm-smi": "ROCR_VISIBLE_DEVICES"}
_VISIBLE, _ORDINALS = "CUDA_VISIBLE_DEVICES", "GPU_DEVICE_ORDINAL"
_NUMBERS = ("SLURM_STEP_GPUS", "SLURM_JOB_GPUS")
"""The node's numbers, which are not those that a process sees from which the other GPUs are hidden."""


def lent(reading: Reading, variables: Mapping[str, str]) -> Reading:
    """Return a reading as an agent with these variables may use it; one in no allocation may use all.

    Where Slurm tells of no GPUs, those that are seen may be other people's: not every cluster hides them.
    """
    if "SLURM_JOB_ID" not in variables:
        return reading
    for name in (_TOOLS.get(reading.tool, _VISIBLE), _ORDINALS):
        if name in variables:
            return within(reading, variables[name])
    for name in _NUMBERS:
        if variables.get(name):
            numbers = variables[name]
            has_all = len(numbers.split(",")) == len(reading.gpus)
            return reading if has_all else within(reading, numbers)
    return replace(reading, unlent=bool(reading.gpus))


def within(reading: Reading, visible: str) -> Reading:
    """Return a reading with the GPUs and MIG devices alone that a list names.

    What `sbatch --export` passes on is quoted.
    """
    names = [name.strip() for name in visible.strip("'").split(",")]
    gpus = tuple(gpu for gpu in reading.gpus if any(_is_called(gpu, name) for name in names))
    return replace(reading, gpus=gpus, lent_mig=tuple(filter(is_mig, dict.fromkeys(names))))


def _is_called(gpu: Gpu, name: str) -> bool:
    """Return whether a name is one that CUDA takes for a GPU: its index, or the beginning of its UUID."""
    return name == str(gpu.index) or (len(name) > len("GPU-") and gpu.uuid.startswith(name))
