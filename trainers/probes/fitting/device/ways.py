"""How steps are taken on a device: recorded and by kernels where it can, else as on a CPU."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import torch

from trainers.common.cuda_graphs import Step, WholeStep, whole_step
from trainers.probes.fitting.device.arithmetic import Arithmetic, PlainArithmetic
from trainers.probes.fitting.device.checking import arithmetic_of
from trainers.probes.fitting.device.steps import Whole


@dataclass(frozen=True)
class Ways:
    """What steps are made of."""

    whole: Whole
    arithmetic: Arithmetic


def ways_of(device: torch.device, compute: torch.dtype) -> Ways | None:
    """Return how a device takes steps in a type; None where nothing is recorded.

    Kernels take some numbers in float32, whatever the type.
    """
    if device.type != "cuda":
        return None
    plain = compute == torch.float64
    return Ways(partial(_recorded, device), PlainArithmetic() if plain else arithmetic_of(device))


def _recorded(device: torch.device, step: Step, generators: Sequence[torch.Generator]) -> WholeStep:
    return whole_step(step, device, generators)
