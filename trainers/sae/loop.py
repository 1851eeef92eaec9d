"""Epochs over the examples: own loop, no DataLoader; checkpoints from which it goes on to the bit."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from trainers.common.errors import BadInput, TrainerError
from trainers.sae.checkpoints import Checkpoints, check_counts
from trainers.sae.data import Examples, batches
from trainers.sae.evaluation import Evaluation
from trainers.sae.fitted import Fitted
from trainers.sae.rates import Plateau, Stopper, base_rate, rate_at
from trainers.sae.records import Pace, Record, Records
from trainers.sae.settings import Settings
from trainers.sae.training import StepReport, Training

CHECKPOINT_SECONDS = 60.0
REPORT_SECONDS = 2.0

Progress = Callable[..., None]


@dataclass
class Place:
    """How far a training is."""

    step: int = 0
    epoch: int = 0
    row: int = 0
    """Examples of the epoch that are done."""
    examples: int = 0


@dataclass(frozen=True)
class Plan:
    """What one training is to do."""

    settings: Settings
    batch: int
    steps_an_epoch: int
    steps: int
    fingerprint: Mapping[str, Any]
    """What the training depends on; a checkpoint of another is refused."""
    checkpoints: Path

    @property
    def horizon(self) -> int:
        """The steps along which rates, and what else depends on how long a training is, are laid."""
        epochs = self.settings.schedule_epochs
        return self.steps if epochs is None else self.steps_an_epoch * epochs

    def epoch_of(self, step: int) -> int:
        """Return the number of the epoch of a step, from 1."""
        return max(0, step - 1) // self.steps_an_epoch + 1


def plan_of(
    settings: Settings, n_train: int, batch: int, fingerprint: Mapping[str, Any], folder: Path
) -> Plan:
    """Return how many steps a training has; BadInput where an epoch has none."""
    an_epoch = n_train // (batch * settings.accumulate)
    if not an_epoch:
        raise BadInput(
            f"{n_train} training examples are less than a step of {batch} × {settings.accumulate}; "
            "lower --batch-size or --accumulate"
        )
    steps = settings.max_steps or an_epoch * settings.max_epochs
    return Plan(settings, batch, an_epoch, steps, fingerprint, folder)


def diverged(where: str) -> TrainerError:
    """Return what to raise where nothing was learnt that could be saved."""
    return TrainerError(
        f"{where}: the loss is no number; nothing is saved: lower --learning-rate, with --overwrite"
    )


class Loop:
    """Runs a plan from its beginning, or from the checkpoint that is there."""

    def __init__(self, plan: Plan, training: Training, examples: Examples, records: Records) -> None:
        self._plan, self._training, self._examples, self._records = plan, training, examples, records
        self.place = Place()
        self._checkpoints = Checkpoints(plan.checkpoints, plan.fingerprint)
        self._stopper = Stopper(plan.settings.patience, plan.settings.keep_checkpoints)
        self._plateau = Plateau()
        self._saved = self._reported = time.monotonic()
        self._pace = Pace(0, 1)
        self._trains = False

    def resume(self) -> bool:
        """Go on from the checkpoint, if there is one; BadInput where it is of another training."""
        state = self._checkpoints.state()
        if state is None:
            return False
        with self._checkpoints.taking_up():
            self._restore(state)
        return True

    def run(self, progress: Progress) -> None:
        """Train to the end."""
        plan, place = self._plan, self.place
        total = plan.steps * plan.batch * plan.settings.accumulate
        self._pace = Pace(place.examples, total)
        while place.step < plan.steps and not self._stopper.ends:
            self._trains = True
            order = self._examples.order(plan.settings.seed, place.epoch)
            self._epoch(batches(self._examples, order, place.row, plan.batch), progress)
        self._records.write()

    def fitted(self) -> Fitted:
        """Return the weights with the least validation loss, and what is told of the training."""
        if not self._stopper.best:
            raise diverged(f"every validation up to step {self.place.step}")
        own = {**self._training.parameters, "_threshold": self._training.threshold}
        best = self._checkpoints.read_weights(self._stopper.best[0][1], own)
        threshold, last = best.pop("_threshold"), self._records.kept[-1]
        return Fitted(
            best,
            threshold,
            self.epoch,
            self.place.step,
            self.highest_rate,
            last["loss"],
            last["val_loss"],
            self._trains,
        )

    @property
    def epoch(self) -> int:
        """The number of the epoch of the last step, from 1."""
        return self._plan.epoch_of(self.place.step)

    @property
    def highest_rate(self) -> float:
        """The learning rate after warm-up."""
        return base_rate(self._plan.settings, self._plan.batch * self._plan.settings.accumulate)

    def save(self) -> None:
        """Write the checkpoint."""
        state = {
            **self._training.state(),
            "place": asdict(self.place),
            "stopper": asdict(self._stopper),
            "plateau": asdict(self._plateau),
            "records": self._records.kept,
        }
        self._checkpoints.write_state(state)
        self._saved = time.monotonic()

    def _epoch(self, made: Any, progress: Progress) -> None:
        plan, place, settings = self._plan, self.place, self._plan.settings
        for gathered, (row, x_BD) in enumerate(made, 1):
            self._training.done = place.step / plan.horizon
            report = self._training.gather(x_BD)
            place.examples += plan.batch
            if gathered % settings.accumulate:
                continue
            self._training.update(self._rate())
            place.step, place.row = place.step + 1, row
            if not place.step % plan.steps_an_epoch:  # what is left of the epoch is less than a step
                place.epoch, place.row = place.epoch + 1, 0
            self._resample()
            self._after_step(report, progress)
            if place.step >= plan.steps or self._stopper.ends or not place.row:
                return

    def _rate(self) -> float:
        plan = self._plan
        rate = rate_at(plan.settings, self.highest_rate, self.place.step, plan.horizon, plan.steps_an_epoch)
        return rate * (self._plateau.factor if plan.settings.schedule == "plateau" else 1.0)

    def _after_step(self, report: StepReport, progress: Progress) -> None:
        now = time.monotonic()
        if self._validates():
            self._validate(report, progress)
        elif now - self._reported > REPORT_SECONDS:
            self._tell(progress, report, report)
        if now - self._saved > CHECKPOINT_SECONDS:
            self.save()

    def _resample(self) -> None:
        often, step = self._plan.settings.resample_every, self.place.step
        if often and not step % often and 2 * step <= self._plan.horizon:
            count = self._training.resample(self._examples.sample, step)
            self._records.tell(f"step {step}: {count} dead latents drawn anew")

    def _validates(self) -> bool:
        plan, step = self._plan, self.place.step
        often, steps = plan.settings.val_per_epoch, plan.steps_an_epoch
        return step == plan.steps or step * often // steps != (step - 1) * often // steps

    def _validate(self, report: StepReport, progress: Progress) -> None:
        found, step = self._training.evaluate(self._examples.held_out), self.place.step
        if math.isnan(found.loss) and not self._stopper.best:
            raise diverged(f"the validation after step {step}")  # from NaN no weights come back
        self._plateau.saw(found.loss)
        if self._stopper.saw(found.loss, step):
            weights = {**self._training.parameters, "_threshold": self._training.threshold}
            self._checkpoints.write_weights(step, weights)
        figures: Record = {"epoch": self.epoch, "step": step, "rate": self._rate()}
        figures |= {"loss": report.loss, **report.parts}
        figures |= {"train_fvu": report.fvu, "train_l0": report.l0}
        figures |= {f"val_{name}": value for name, value in found.figures().items()}
        figures |= {"dead_in_training": self._training.dead_share}
        self._records.add({**figures, **self._pace.figures(self.place.examples)})
        self._records.write()
        self.save()
        self._checkpoints.keep_only([kept for _, kept in self._stopper.best])
        self._tell(progress, report, found)

    def _tell(self, progress: Progress, report: StepReport, found: StepReport | Evaluation) -> None:
        """Tell how far it is; `found` says how good it is."""
        self._reported = time.monotonic()
        figures = {"loss": report.loss, "l0": found.l0, "explained_variance": 1 - found.fvu}
        figures |= {"dead_share": self._training.dead_share, **self._pace.figures(self.place.examples)}
        epochs = -(-self._plan.steps // self._plan.steps_an_epoch)
        progress(self.epoch, epochs, **figures, **report.parts)

    def _restore(self, state: Mapping[str, Any]) -> None:
        self.place, self._stopper, self._plateau = taken_up(state, self._training, self._plan.settings)
        self._records.restore(state["records"])


def taken_up(
    state: Mapping[str, Any], training: Training, settings: Settings
) -> tuple[Place, Stopper, Plateau]:
    """Take a training up at a state; return where it is, which validations were best, and its plateau.

    Raises whatever damage brings up.
    """
    training.restore(state)
    place = Place(**state["place"])
    check_counts(**asdict(place))
    best = [(float(loss), step) for loss, step in state["stopper"]["best"]]
    waited = state["stopper"]["waited"]
    stopper = Stopper(settings.patience, settings.keep_checkpoints, waited, best)
    plateau = Plateau(**state["plateau"])
    check_counts(waited=stopper.waited, plateau=plateau.waited)
    for _, step in best:
        check_counts(step=step)
    return place, stopper, plateau
