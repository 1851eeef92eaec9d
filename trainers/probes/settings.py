"""Everything that decides a probe's weights, in one frozen value."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, replace
from itertools import product
from typing import TYPE_CHECKING, Any, Literal

from trainers.probes import CODE_VERSION

if TYPE_CHECKING:  # flags are read without it: `train_probes --help` works where torch is not installed
    import torch

ModelType = Literal["linear", "multihead"]
Solver = Literal["adamw", "exact"]
Loader = Literal["memory", "dataloader"]
Inputs = Literal["standardised", "raw"]
BiasStart = Literal["log-odds", "zero"]

RECIPES: dict[str, dict[str, Any]] = {
    "default": {
        "inputs": "standardised",
        "bias_start": "log-odds",
        "epoch_steps": 15,
        "epochs": 7,
        "lrs": (),
    },
    "original": {"inputs": "raw", "bias_start": "zero", "epoch_steps": 0, "epochs": 50, "lrs": (5e-4,)},
}
"""What `--recipe` sets; `original` is how probes were trained at first."""
CAREFUL: dict[str, Any] = {"epoch_steps": 30, "epochs": 50, "lrs": (1e-3,)}
"""The default recipe for multihead probes, and for raw inputs, whose scale it does not know."""
WIDTH_RATE = 0.1
"""The learning rate of a linear probe on D standardised activations is this over the root of D."""

SMALLEST_BATCH = 16
"""Examples of a step that `epoch_steps` leaves at least."""

DTYPES = ("float32", "bfloat16", "float64")
ATTENTION_HEADS = 8
"""Of the multihead probe; its width is a multiple of them."""


@dataclass(frozen=True)
class Variant:
    """One setting of the hyperparameters that a probe is trained with side by side."""

    lr: float
    weight_decay: float


@dataclass(frozen=True)
class Settings:
    """How probes are trained; two runs with equal settings and data give equal probes."""

    model_type: ModelType = "linear"
    hidden_dim: int = 512
    """Width of the multihead probe's layers."""
    dropout: float = 0.1
    batch_size: int = 512
    """Examples of a step at most."""
    epoch_steps: int = 15
    """AdamW: steps of an epoch at least; batches of a small training split are smaller for it."""
    epochs: int = 7
    lrs: tuple[float, ...] = ()
    """None: `for_width` decides."""
    weight_decays: tuple[float, ...] = (1e-3,)
    patience: int = 10
    """Epochs without a better validation AUC after which a probe stops."""
    scheduler: bool = True
    """Cosine annealing of the learning rate to `min_lr` over `horizon`."""
    schedule_epochs: int | None = None
    """AdamW: epochs along which the schedule is laid, at least `epochs`; None is `epochs`."""
    min_lr: float = 1e-5
    inputs: Inputs = "standardised"
    """AdamW: what training sees; standardised by mean and deviation of the training split."""
    bias_start: BiasStart = "log-odds"
    """AdamW: where the bias begins; `zero` is near zero, as torch.nn.Linear draws it."""
    pos_weight: float | Literal["balanced"] = 1.0
    """Weight of a positive example's loss; `balanced` is negatives / positives of the training split."""
    dtype: str = "float32"
    """How activations are stored: float32, bfloat16 or float64.  Weights are float32, or float64."""
    seed: int = 0
    solver: Solver = "adamw"
    C: float = 1.0
    """Exact solver: inverse strength of the L2 penalty, as in scikit-learn's LogisticRegression."""
    tol: float = 1e-5
    """Exact solver: largest component of the mean gradient at which a probe is done."""
    max_iter: int = 500
    """Exact solver: L-BFGS iterations at most."""

    @property
    def horizon(self) -> int:
        """The epochs along which the schedule is laid."""
        return self.schedule_epochs or self.epochs

    @property
    def storage_dtype(self) -> torch.dtype:
        """Data type of the activations in memory."""
        import torch

        found: torch.dtype = getattr(torch, self.dtype)
        return found

    @property
    def compute_dtype(self) -> torch.dtype:
        """Data type of weights, gradients, moments and logits."""
        import torch

        return torch.float64 if self.dtype == "float64" else torch.float32

    def for_width(self, n_features: int) -> Settings:
        """Return the settings with the learning rate for so many activations, unless they name some.

        A step of AdamW moves every weight by up to the learning rate, so that the steps of a logit grow with
        the number of activations.
        """
        if self.lrs:
            return self
        careful = self.model_type == "multihead" or self.inputs == "raw"
        rate = WIDTH_RATE / math.sqrt(n_features)
        return replace(self, lrs=CAREFUL["lrs"] if careful else (rate,))

    def variants(self) -> list[Variant]:
        """Every pair of a learning rate and a decay, learning rates outermost."""
        return [Variant(lr, decay) for lr, decay in product(self.lrs, self.weight_decays)]

    def batch_of(self, n_rows: int) -> int:
        """Return how many examples make a step on a training split of so many."""
        if not self.epoch_steps:
            return self.batch_size
        return min(self.batch_size, max(SMALLEST_BATCH, -(-n_rows // self.epoch_steps)))

    def lr_at(self, epoch: int, lr: float) -> float:
        """Return the learning rate of `epoch` (from 0) for a variant that begins with `lr`."""
        if not self.scheduler:
            return lr
        return self.min_lr + (lr - self.min_lr) * (1 + math.cos(math.pi * epoch / self.horizon)) / 2

    def fingerprint(self) -> dict[str, object]:
        """Return the settings as JSON values, with the version of the code that uses them."""
        values = {**asdict(self), "lrs": list(self.lrs), "weight_decays": list(self.weight_decays)}
        if self.schedule_epochs is None:  # as results tell that know of no such setting
            del values["schedule_epochs"]
        return {"code_version": CODE_VERSION, **values}


def recipe(name: str, model_type: ModelType, inputs: Inputs | None) -> dict[str, Any]:
    """Return what `--recipe` sets for probes of this kind, `inputs` None where no flag says what they are."""
    found = RECIPES[name]
    if name == "default" and (model_type == "multihead" or inputs == "raw"):
        return {**found, **CAREFUL}
    return found
