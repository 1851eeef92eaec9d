"""Learning rates over a training, and what `auto` means for rate and batch.

A rate of 8e-4 at 16,384 latents and batches of 512 was measured.  It scales with 1/√latents, as elsewhere,
and with √batch, as the noise of Adam's steps does.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from trainers.sae.settings import Settings

BASE_RATE, BASE_LATENTS, BASE_BATCH = 8e-4, 16_384, 512
CPU_BATCH, GPU_BATCH, WIDE_GPU_BATCH = 512, 4096, 8192
WIDE = 32_768
STEPS = 50
"""Steps of an epoch at least, where the batch size is chosen."""
RESTART_EPOCHS, LEAST_RATE = 10, 1e-6
PLATEAU_PATIENCE, PLATEAU_FACTOR = 5, 0.5


def batch_size(settings: Settings, n_train: int, device: str) -> int:
    """Return the batch size: as given, or where the optimiser no longer decides the time of a step."""
    if settings.batch_size is not None:
        return min(settings.batch_size, n_train)
    wide = WIDE_GPU_BATCH if settings.latent_dim >= WIDE else GPU_BATCH
    wanted = CPU_BATCH if device == "cpu" else wide
    while wanted > 64 and n_train // wanted < STEPS:
        wanted //= 2
    return min(wanted, n_train)


def base_rate(settings: Settings, batch: int) -> float:
    """Return the highest learning rate: as given, or scaled to latents and batch."""
    if settings.learning_rate is not None:
        return settings.learning_rate
    return BASE_RATE * math.sqrt(BASE_LATENTS / settings.latent_dim) * math.sqrt(batch / BASE_BATCH)


def rate_at(settings: Settings, base: float, step: int, steps: int, steps_an_epoch: int) -> float:
    """Return the learning rate of a step, counted from 0; of `plateau`, before it is lowered."""
    if settings.schedule == "linear":
        warm = min(1.0, (step + 1) / max(1, min(settings.warmup_steps, steps // 10)))
        falling = max(1, round(settings.decay_share * steps))
        return base * min(warm, (steps - step) / falling, 1.0)
    if settings.schedule == "restarts":
        return _restarts(base, step // steps_an_epoch)
    return base


def _restarts(base: float, epoch: int) -> float:
    length = RESTART_EPOCHS
    while epoch >= length:
        epoch, length = epoch - length, 2 * length
    return LEAST_RATE + (base - LEAST_RATE) * (1 + math.cos(math.pi * epoch / length)) / 2


@dataclass
class Plateau:
    """Lowers the rate where the validation loss has not fallen for a while."""

    best: float = math.inf
    waited: int = 0
    factor: float = 1.0

    def saw(self, loss: float) -> None:
        """Take a validation loss in."""
        if loss < self.best * (1 - 1e-4):
            self.best, self.waited = loss, 0
            return
        self.waited += 1
        if self.waited > PLATEAU_PATIENCE:
            self.waited, self.factor = 0, self.factor * PLATEAU_FACTOR


@dataclass
class Stopper:
    """Ends a training whose validation loss no longer falls, and knows the best checkpoints."""

    patience: int
    keep: int
    waited: int = 0
    best: list[tuple[float, int]] = field(default_factory=list)
    """(validation loss, step), the best first."""

    def saw(self, loss: float, step: int) -> bool:
        """Take a validation loss in; return whether its weights are to be kept: if it is finite."""
        if not math.isfinite(loss):
            self.waited += 1
            return False
        better = not self.best or loss < self.best[0][0]
        self.waited = 0 if better else self.waited + 1
        self.best = sorted([*self.best, (loss, step)])[: max(1, self.keep)]
        return (loss, step) in self.best

    @property
    def ends(self) -> bool:
        """Whether training should end."""
        return bool(self.patience) and self.waited >= self.patience
