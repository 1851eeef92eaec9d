"""Whether a training is made by kernels of ours, in Triton or in C++.  Nothing here needs either."""

from __future__ import annotations

import importlib
import importlib.util
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import torch

from trainers.common.errors import BadInput
from trainers.sae.cpu.build import NoLibrary, library
from trainers.sae.model.architecture import Architecture
from trainers.sae.model.optimiser import Rule

if TYPE_CHECKING:
    from trainers.sae.model.fused import Kernels

Asked = Literal["auto", "plain", "triton", "compiled"]
Taken = Literal["plain", "triton", "compiled"]
KINDS = ("topk", "batchtopk", "jumprelu", "matryoshka", "hierarchical")
WIDEST = 8192
"""Activations that a program in Triton can hold."""
NAMES = {"triton": "Triton", "compiled": "C++"}


@dataclass(frozen=True)
class Case:
    """What decides it."""

    form: Architecture
    rule: Rule
    device: torch.device
    dtype: torch.dtype

    def obstacle(self, kernels: Taken) -> str | None:
        """Return why kernels cannot be taken; None where they can."""
        interpreted = os.environ.get("TRITON_INTERPRET") == "1"
        triton, on_gpu = kernels == "triton", self.device.type == "cuda"
        for holds, why in (
            (not triton or on_gpu or interpreted, "there is no CUDA device"),
            (triton or self.device.type == "cpu", "they are for a CPU"),
            (not triton or importlib.util.find_spec("triton"), "Triton is not installed: pip install triton"),
            (self.form.kind in KINDS, f"they are not for {self.form.kind}"),
            (self.form.target == "quadratic", f"they are not for the target {self.form.target}"),
            (self.dtype == torch.float32, "they compute in float32"),
            (self.rule.accumulate == 1, "they do not accumulate batches"),
            (self.rule.decoupled or not self.rule.decay, "their weight decay is AdamW's"),
            (not triton or self.form.n_features <= WIDEST, f"they hold at most {WIDEST} activations"),
        ):
            if not holds:
                return why
        return None if triton else _without_library()


def kernels_of(asked: Asked, case: Case) -> tuple[Taken, str | None]:
    """Return which kernels are taken, and a line about it; BadInput where some are asked for in vain."""
    if asked == "plain":
        return "plain", None
    wanted: Taken = ("triton" if case.device.type == "cuda" else "compiled") if asked == "auto" else asked
    obstacle = case.obstacle(wanted)
    if obstacle is None:
        return wanted, f"kernels: {NAMES[wanted]}, for selection, decoding, and Adam inside the gradient"
    if asked != "auto":
        raise BadInput(f"--kernels {asked}: {obstacle}; leave it out, or ask for plain")
    return "plain", f"kernels: torch's own ({obstacle})"


def check_goes_on(taken: Taken, case: Case) -> None:
    """Raise BadInput where a training that was begun with kernels cannot go on with them."""
    obstacle = None if taken == "plain" else case.obstacle(taken)
    if obstacle is not None:
        name = NAMES[taken]
        raise BadInput(f"was trained by kernels in {name} until now, and {obstacle}; --overwrite begins anew")


def load(taken: Taken) -> Kernels:
    """Return the kernels; Triton is imported here."""
    if taken == "triton":
        found: Kernels = importlib.import_module("trainers.sae.gpu.kernels").GpuKernels()
    else:
        found = importlib.import_module("trainers.sae.cpu.kernels").CpuKernels()
    return found


def _without_library() -> str | None:
    try:
        library()
    except NoLibrary as error:
        return str(error)
    return None
