"""The state of one training as a file: the same whether it was alone or one of many."""

from __future__ import annotations

import copy
import sys
from collections.abc import Mapping
from typing import Any, TextIO

from torch import nn

from trainers.common.damaged import told
from trainers.common.files import read_tensors, write_tensors
from trainers.common.resume import differences
from trainers.personalization.fitting.courses import CheckpointPlan, Progress
from trainers.personalization.fitting.moments import Moments
from trainers.personalization.fitting.rows import lie_as_one

MISFITS = (RuntimeError, ValueError, LookupError, TypeError, AttributeError, ArithmeticError)
"""What comes up where a state is damaged, or of another network."""


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
        return taken(state, network, moments)
    except MISFITS as error:
        network.load_state_dict(fresh[0])
        moments.load_state_dict(fresh[1])
        print(f"starting afresh: {checkpoint.path} is damaged: {told(error)}", file=told_to)
        return None


def taken(state: Mapping[str, Any], network: nn.Module, moments: Moments) -> Progress:
    """Load a saved state into network and moments, and return how far it had come.

    Raises one of `MISFITS` where it does not fit; network and moments are then neither old nor new.
    """
    progress = Progress(**state["progress"])
    lie_as_one(network)
    if progress.best_weights:  # which must fit, too
        network.load_state_dict(progress.best_weights)
        progress.best_weights = copy.deepcopy(network.state_dict())
    network.load_state_dict(state["weights"])
    moments.load_state_dict(state["optimizer"])
    return progress
