"""Whether a training is made by the kernels.  Nothing here needs Triton."""

from __future__ import annotations

import importlib
import importlib.util
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import torch

from trainers.common.errors import BadInput
from trainers.sae.model.architecture import Architecture
from trainers.sae.model.optimiser import Optimiser, Rule
from trainers.sae.model.parameters import Parameters

if TYPE_CHECKING:
    from trainers.sae.gpu.fused import FusedStep

Kernels = Literal["auto", "plain", "triton"]
WIDEST = 8192
"""Activations that a program can hold."""


@dataclass(frozen=True)
class Case:
    """What decides it."""

    form: Architecture
    rule: Rule
    device: torch.device
    dtype: torch.dtype

    def obstacle(self) -> str | None:
        """Return why the kernels cannot be taken; None where they can."""
        interpreted = os.environ.get("TRITON_INTERPRET") == "1"
        for holds, why in (
            (self.device.type == "cuda" or interpreted, "there is no CUDA device"),
            (importlib.util.find_spec("triton") is not None, "Triton is not installed: pip install triton"),
            (
                self.form.kind in ("topk", "batchtopk"),
                f"they are not for {self.form.kind}",
            ),
            (self.dtype == torch.float32, "they compute in float32"),
            (self.rule.accumulate == 1, "they do not accumulate batches"),
            (self.rule.decoupled or not self.rule.decay, "their weight decay is AdamW's"),
            (self.form.n_features <= WIDEST, f"they hold at most {WIDEST} activations"),
        ):
            if not holds:
                return why
        return None


def takes_kernels(asked: Kernels, case: Case) -> tuple[bool, str | None]:
    """Tell whether the kernels are taken, and a line about it; BadInput where they are asked for in vain."""
    if asked == "plain" or (asked == "auto" and case.device.type != "cuda"):
        return False, None
    obstacle = case.obstacle()
    if obstacle is None:
        return True, "kernels: Triton, for selection, decoding, and Adam inside the gradient"
    if asked == "triton":
        raise BadInput(f"--kernels triton: {obstacle}; leave it out, or ask for plain")
    return False, f"kernels: torch's own ({obstacle})"


def check_goes_on(case: Case) -> None:
    """Raise BadInput where a training that was begun with the kernels cannot go on with them."""
    obstacle = case.obstacle()
    if obstacle is not None:
        raise BadInput(f"was trained by Triton kernels until now, and {obstacle}; --overwrite begins anew")


def fused_step(
    form: Architecture, parameters: Parameters, optimiser: Optimiser, *, rounded: bool
) -> FusedStep:
    """Return the step by the kernels; Triton is imported here."""
    fused = importlib.import_module("trainers.sae.gpu.fused")
    step: FusedStep = fused.FusedStep(form, parameters, optimiser, rounded=rounded)
    return step
