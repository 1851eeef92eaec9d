"""How the networks of a job begin, and how they are trained from there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

import torch
from torch import nn

from trainers.common.seeds import derive_seed, seeded
from trainers.personalization import base_model
from trainers.personalization.base_model import BaseModel
from trainers.personalization.fitting.courses import Schedule
from trainers.personalization.networks import NetworkSpec
from trainers.personalization.options import PersonalizationOptions
from trainers.personalization.recipe.inputs import learn_inputs
from trainers.personalization.recipe.members import member_seed
from trainers.personalization.sampling import Augmentation, TrainingSet
from worker_agent.protocol.script_contract import BASE_ONLY

BASE_SHORTENS = 3
"""How much fewer the least steps are where training starts from a base model."""


@dataclass(frozen=True)
class Place:
    """Where a run computes, reads and writes."""

    device: torch.device
    base_model_dir: Path | None
    """Written by `train_base`, read by `run_experiment`; None only where the mode has no base model."""
    parent_model_dir: Path | None
    """What `train_base` starts from; None where it starts afresh."""
    output_dir: Path
    checkpoint_dir: Path | None
    root: Path
    """Where a relative path to data begins."""
    told: TextIO
    """Where notes go."""
    warned: TextIO
    """Where it is told that something cannot be done as asked."""
    resume_model_dir: Path | None = None
    """A base model of fewer epochs, whose training `train_base` goes on with; None where there is none."""
    keeps_state: bool = False
    """Whether the base model is to hold its training state."""
    may_go_on: Callable[[], None] = lambda: None
    """Raises a TrainerError where the job is to end."""

    def say(self, notes: Sequence[str]) -> None:
        """Tell the user of what he should know."""
        for note in notes:
            print(f"note: {note}", file=self.told, flush=True)


@dataclass(frozen=True)
class Start:
    """What the members of a job have in common before their first step."""

    options: PersonalizationOptions
    spec: NetworkSpec
    place: Place
    base: BaseModel | None = None
    """What training starts from: for a base model its parent."""

    @property
    def base_dir(self) -> Path | None:
        """Where that was read."""
        to_base = self.options.mode == BASE_ONLY
        return self.place.parent_model_dir if to_base else self.place.base_model_dir

    def network(self, member: int, train: TrainingSet) -> nn.Module:
        """Return one member as training begins: with the base model's weights, or with fresh ones.

        Fresh networks that standardise their inputs learn the statistics of the training windows.
        """
        with seeded(derive_seed(member_seed(self.options.seed, member), "weights", 0)):
            network = self.spec.build().to(self.place.device)
        if self.base and self.base_dir:
            base_model.check_shape(self.base_dir, self.base, self.spec)
            base_model.load_weights(self.base_dir, self.base, member, network)
        else:
            learn_inputs(network, train.windows.X_NCT)
        return network

    def schedule(self, member: int, train: TrainingSet) -> Schedule:
        """Return how one member is trained on these windows."""
        options, to_base = self.options, self.options.mode == BASE_ONLY
        augmentation = Augmentation(options.jitter_std, options.magnitude_range, options.aug_prob)
        base, target = options.early_stopping_patience, options.early_stopping_patience_target
        return Schedule(
            stage="base" if to_base else "target",
            epochs=options.epochs,
            patience=base if to_base else target,
            lr=options.lr,
            seed=member_seed(options.seed, member),
            augmentation=augmentation if options.use_augmentation else None,
            cosine=options.schedule == "cosine",
            label_smoothing=options.label_smoothing,
            least_epochs=self._least_epochs(train),
            average=options.average,
            horizon=options.schedule_epochs,
        )

    def _least_epochs(self, train: TrainingSet) -> int:
        # From a base model the way is shorter, and what it knows is soon forgotten.
        steps = self.options.least_steps // (BASE_SHORTENS if self.base else 1)
        return min(-(-steps // train.n_batches), self.options.horizon // 2)

    def notes(self, train: TrainingSet) -> list[str]:
        """Return what the user should know of the training windows and the base model."""
        found = []
        if self.base is None:
            found += learn_inputs(self.spec.build(), train.windows.X_NCT.cpu())
        elif len(self.base.weights) < self.options.seeds:
            held, wanted = len(self.base.weights), self.options.seeds
            found.append(f"the base model holds {held} of {wanted} seeds; members share their start")
        if train.target_share is None and len(train.windows) < self.options.batch_size:
            found.append(
                f"{len(train.windows)} training windows are fewer than a batch of {self.options.batch_size}; "
                "batches are as large as there are windows"
            )
        return found
