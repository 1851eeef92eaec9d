"""What a training leaves, whichever engine ran it."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from trainers.sae.model.parameters import Parameters


@dataclass(frozen=True)
class Fitted:
    """The weights of the best validation, and what is told of the training."""

    parameters: Parameters
    threshold: Tensor
    """What an example by itself has to reach where latents are chosen over a batch; one number."""
    epoch: int
    """The epoch of the last step, from 1."""
    steps: int
    rate: float
    """The learning rate after warm-up."""
    train_loss: float | None
    """Of the last step before the last validation; None where there was none."""
    val_loss: float
    trained_now: bool = True
    """False where the training had ended before: no step was made."""
