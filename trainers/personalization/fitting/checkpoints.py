"""The state of one training as a file: the same whether it was alone or one of many."""

from __future__ import annotations

import copy
import sys
from dataclasses import dataclass
from typing import Any, TextIO

import torch
from torch import Tensor, nn

from trainers.common.damaged import told
from trainers.common.files import read_tensors, write_tensors
from trainers.common.resume import differences
from trainers.personalization.fitting.courses import CheckpointPlan, Progress


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
            getattr(self, name).copy_(state[name])
        self.steps = int(state["steps"])


def save(checkpoint: CheckpointPlan, network: nn.Module, moments: Moments, progress: Progress) -> None:
    """Write the state of a training."""
    state = {
        "job": checkpoint.job,
        "weights": network.state_dict(),
        "optimizer": moments.state_dict(),
        "progress": vars(progress),
    }
    write_tensors(checkpoint.path, state)


def resume(
    checkpoint: CheckpointPlan | None, network: nn.Module, moments: Moments, stream: TextIO | None = None
) -> Progress | None:
    """Load the checkpoint into network and moments; None where there is none that fits, which is told."""
    if checkpoint is None:
        return None
    told_to = sys.stderr if stream is None else stream
    try:
        state = read_tensors(checkpoint.path)
    except FileNotFoundError:
        return None
    except ValueError as error:
        print(f"starting afresh: {error}", file=told_to)
        return None
    job = state.get("job")
    others = differences(job if isinstance(job, dict) else {}, checkpoint.job)
    if others:
        print(f"starting afresh: {checkpoint.path} belongs to another job: {others}", file=told_to)
        return None
    fresh = copy.deepcopy(network.state_dict()), copy.deepcopy(moments.state_dict())
    try:
        progress = Progress(**state["progress"])
        if progress.best_weights:  # which must fit, too
            network.load_state_dict(progress.best_weights)
        network.load_state_dict(state["weights"])
        moments.load_state_dict(state["optimizer"])
        return progress
    except (RuntimeError, ValueError, LookupError, TypeError, AttributeError, ArithmeticError) as error:
        network.load_state_dict(fresh[0])
        moments.load_state_dict(fresh[1])
        print(f"starting afresh: {checkpoint.path} is damaged: {told(error)}", file=told_to)
        return None
