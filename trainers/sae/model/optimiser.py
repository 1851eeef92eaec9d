"""From gradients to moved parameters: mean, clipping, norms of rows, Adam."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from trainers.sae.model.parameters import Parameters, check_tensor

CLIP_SLACK = 1e-6
"""As torch's `clip_grad_norm_` has it, so that both give the same steps."""


@dataclass(frozen=True)
class Rule:
    """How a step is made, whatever its rate."""

    decoupled: bool = True
    """Weight decay apart from the gradient, as AdamW has it."""
    decay: float = 0.0
    clip_norm: float = 1.0
    """0 does not clip."""
    unit_norm: bool = False
    """Keep the decoder's rows at norm 1."""
    accumulate: int = 1
    """Batches whose gradients are added before a step."""


class Optimiser:
    """Moves parameters in place; moments are float32, or float64 as the parameters are."""

    def __init__(self, rule: Rule, parameters: Parameters) -> None:
        self.rule, self.steps = rule, 0
        self._parameters = parameters
        kind = torch.optim.AdamW if rule.decoupled else torch.optim.Adam
        self._torch = kind(list(parameters.values()), lr=1.0, weight_decay=rule.decay, fused=True)

    def move(self, gathered: Parameters, rate: float) -> None:
        """Make a step of gathered gradients, which are used up."""
        parameters, unit_norm = self._parameters, self.rule.unit_norm and "W_dec" in self._parameters
        if unit_norm:
            _project(gathered["W_dec"], parameters["W_dec"])
        scale = self._scale(gathered)
        self.move_some({n: one if scale == 1 else one.mul_(scale) for n, one in gathered.items()}, rate)
        if unit_norm:
            parameters["W_dec"].div_(parameters["W_dec"].norm(dim=1, keepdim=True).clamp(min=1e-12))
        if "threshold" in parameters:
            parameters["threshold"].clamp_(min=0)

    def move_some(self, gradients: Parameters, rate: float) -> None:
        """Make the step of the parameters whose gradients these are, as they are."""
        self.steps += 1
        for group in self._torch.param_groups:
            group["lr"] = rate
        for name, gradient in gradients.items():
            self._parameters[name].grad = gradient
        self._torch.step()
        for name in gradients:
            self._parameters[name].grad = None

    def moments(self, name: str) -> tuple[Tensor, Tensor]:
        """Return a parameter's mean gradient and mean square, for a step that is made of them elsewhere."""
        value = self._parameters[name]
        state = self._torch.state[value]
        if not state:
            state["step"] = torch.zeros((), dtype=torch.float32, device=value.device)
            state["exp_avg"], state["exp_avg_sq"] = torch.zeros_like(value), torch.zeros_like(value)
        state["step"] += 1
        return state["exp_avg"], state["exp_avg_sq"]

    def forget(self, name: str, rows_L: Tensor) -> None:
        """Set the moments of some rows of a parameter to 0; `rows_L`: which, bool [L]."""
        state = self._torch.state[self._parameters[name]]
        for moment in ("exp_avg", "exp_avg_sq"):
            if moment in state:
                state[moment][rows_L] = 0

    def state(self) -> dict[str, Any]:
        """Return moments and counts."""
        return {"torch": self._torch.state_dict(), "steps": self.steps}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from a state.  Raises ValueError where it is of other parameters, or no state."""
        self._torch.load_state_dict(state["torch"])
        self.steps = state["steps"]
        for name, value in self._parameters.items():
            for moment, found in self._torch.state.get(value, {}).items():
                shape = torch.Size() if moment == "step" else value.shape
                check_tensor(shape, found.dtype, found, f"{moment} of {name}")

    def _scale(self, gathered: Parameters) -> float:
        """Return what gathered gradients are multiplied by: their mean, within the norm that is allowed."""
        mean = 1 / self.rule.accumulate
        if not self.rule.clip_norm:
            return mean
        norms = torch.stack([gradient.norm() for gradient in gathered.values()])
        norm = float(norms.norm()) * mean
        return mean * min(1.0, self.rule.clip_norm / (norm + CLIP_SLACK))


def _project(gradient_LD: Tensor, rows_LD: Tensor) -> None:
    """Take out of a gradient what would only change the length of rows of norm 1."""
    gradient_LD.sub_((gradient_LD * rows_LD).sum(1, keepdim=True) * rows_LD)
