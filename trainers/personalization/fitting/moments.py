"""What the optimiser remembers of one network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn


@dataclass
class Moments:
    """What Adam remembers of one network; each tensor is [P], of all its parameters."""

    steps: int
    means: Tensor
    squares: Tensor
    average: Tensor
    """The running mean of the parameters."""

    @classmethod
    def of(cls, network: nn.Module) -> Moments:
        """Return those of a network before its first step."""
        values = torch.cat([parameter.detach().flatten() for parameter in network.parameters()])
        return cls(0, torch.zeros_like(values), torch.zeros_like(values), values)

    def state_dict(self) -> dict[str, Any]:
        """Return what `load_state_dict` needs to go on from here."""
        return dict(vars(self))

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a saved state; RuntimeError where it belongs to a network of another size."""
        for name in ("means", "squares", "average"):
            if state[name].shape != getattr(self, name).shape:  # one number would be copied to all places
                raise RuntimeError(f"{name} are of {state[name].numel()} parameters")
            getattr(self, name).copy_(state[name])
        self.steps = int(state["steps"])
