"""What decides an autoencoder's weights, and the presets."""

from __future__ import annotations

from argparse import ArgumentTypeError
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal

from trainers.common.errors import BadInput
from trainers.common.flags import at_least, inside, positive, real, whole
from trainers.sae.model.architecture import KINDS, TARGETS, Architecture, Kind, Target

Schedule = Literal["linear", "restarts", "plateau", "constant"]
SCHEDULES = ("linear", "restarts", "plateau", "constant")
SPARSITY = {"relu": 1e-3, "gelu": 1e-3, "jumprelu": 1.0}
TANH_SPARSITY = 0.1
BANDWIDTHS: Mapping[Target, float] = {"quadratic": 0.1, "tanh": 2.0}
ENGINES = ("own", "lightning")
KERNELS = ("auto", "plain", "triton", "compiled")
LARGEST_SEED = 1 << 63
PRECISIONS = ("auto", "float32", "bfloat16", "int8", "float64")


CHOICES: Mapping[str, tuple[str, ...]] = {
    "architecture": KINDS,
    "schedule": SCHEDULES,
    "precision": PRECISIONS,
    "optimizer": ("adamw", "adam"),
    "engine": ENGINES,
    "kernels": KERNELS,
    "sparsity_target": TARGETS,
}
SWITCHES = ("tied_weights", "unit_norm", "normalise")
OPTIONAL = (
    "sparsity_coef",
    "bandwidth",
    "learning_rate",
    "batch_size",
    "max_steps",
    "max_samples",
    "dense_above",
    "schedule_epochs",
)
"""What may be None."""
NUMBERS: Mapping[str, Callable[[str], float]] = {
    **dict.fromkeys(("latent_dim", "k", "max_epochs", "accumulate", "val_per_epoch"), whole(1)),
    **dict.fromkeys(("batch_size", "max_steps", "max_samples", "schedule_epochs"), whole(1)),
    **dict.fromkeys(
        ("dead_after", "warmup_steps", "patience", "keep_checkpoints", "resample_every"), whole(0)
    ),
    **dict.fromkeys(("sparsity_coef", "aux_coef", "weight_decay", "clip_norm", "dense_above"), at_least(0)),
    **dict.fromkeys(("bandwidth", "learning_rate"), positive),
    "decay_share": real(0, 1),
    "val_share": inside(0, 1),
    "seed": whole(-LARGEST_SEED, LARGEST_SEED),
}
"""What each number may be."""


def check(name: str, value: object) -> None:
    """Raise BadInput for a value that a setting cannot have, wherever it comes from."""
    if name in CHOICES:
        if value not in CHOICES[name]:
            raise BadInput(f"{name} is {value!r}, must be of {', '.join(CHOICES[name])}")
    elif name in SWITCHES:
        if not isinstance(value, bool):
            raise BadInput(f"{name} is {value!r}, must be true or false")
    else:
        try:
            NUMBERS[name](repr(value))  # texts keep their quotes, and are no numbers
        except ArgumentTypeError as error:
            raise BadInput(f"{name}: {error}") from error


@dataclass(frozen=True)
class Settings:
    """The defaults are those of `recommended`."""

    architecture: Kind = "batchtopk"
    latent_dim: int = 16_384
    k: int = 32
    tied_weights: bool = False
    sparsity_coef: float | None = None
    """None is 1e-3 (relu, gelu), 1 (jumprelu), or 0.1 (its `tanh`)."""
    sparsity_target: Target = "quadratic"
    """Of JumpReLU: its distance from k, or `tanh`, whose weight grows over the whole training."""
    bandwidth: float | None = None
    """None is 0.1, or 2 (`tanh`)."""
    unit_norm: bool = False
    """Keep the decoder's rows at norm 1."""
    normalise: bool = True
    """Scale activations so that their mean norm is the root of their number; folded into what is saved."""
    aux_coef: float = 1 / 32
    """Weight of what dead latents make of the error; 0 is none."""
    dead_after: int = 500_000
    """Examples without activity after which a latent counts as dead."""
    resample_every: int = 0
    """Steps after which dead latents are drawn anew from examples with large errors, in the first half of
    the training; 0 never."""
    learning_rate: float | None = None
    """None scales with the latents and the batch (`rates`)."""
    batch_size: int | None = None
    """None weighs the optimiser's traffic against the rest (`rates`)."""
    optimizer: Literal["adamw", "adam"] = "adamw"
    weight_decay: float = 0.0
    schedule: Schedule = "linear"
    warmup_steps: int = 100
    decay_share: float = 0.2
    """Part of the steps of the schedule over which `linear` falls to 0."""
    clip_norm: float = 1.0
    """0 does not clip."""
    max_epochs: int = 10
    schedule_epochs: int | None = None
    """Epochs along which all that depends on how long a training is is laid; None is `max_epochs`."""
    max_steps: int | None = None
    accumulate: int = 1
    val_per_epoch: int = 2
    val_share: float = 0.1
    """Part of the examples that is held out, where the file has no split `val`."""
    patience: int = 0
    """Validations without a better loss after which training ends; 0 never."""
    keep_checkpoints: int = 3
    max_samples: int | None = None
    precision: str = "auto"
    engine: Literal["own", "lightning"] = "own"
    """`lightning`: a LightningModule, Trainer and DataLoader, for comparison."""
    dense_above: float | None = None
    """Share of active latents above which products are dense; None is timed on the first batch."""
    kernels: Literal["auto", "plain", "triton", "compiled"] = "auto"
    """`auto`: Triton's on a CUDA GPU, compiled ones on a CPU, where they can be, else torch's (`plain`)."""
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse values that cannot be trained with."""
        for name, value in asdict(self).items():
            if value is not None or name not in OPTIONAL:
                check(name, value)
        self._check_schedule()
        self.form(1)

    def _check_schedule(self) -> None:
        if self.schedule_epochs is None:
            return
        if self.max_steps is not None:
            raise BadInput(
                f"max_steps {self.max_steps} says how long the schedule is: leave schedule_epochs out"
            )
        if self.schedule_epochs < self.max_epochs:
            raise BadInput(
                f"schedule_epochs is {self.schedule_epochs}, max_epochs is {self.max_epochs}; "
                "the schedule must be at least as long as the training"
            )

    def form(self, n_features: int) -> Architecture:
        """Return the architecture for activations of a width."""
        return Architecture(
            kind=self.architecture,
            n_features=n_features,
            n_latents=self.latent_dim,
            k=self.k,
            tied=self.tied_weights,
            sparsity_coef=self._usual_sparsity() if self.sparsity_coef is None else self.sparsity_coef,
            bandwidth=self.bandwidth or BANDWIDTHS[self.sparsity_target],
            target=self.sparsity_target,
        )

    def _usual_sparsity(self) -> float:
        return TANH_SPARSITY if self.sparsity_target == "tanh" else SPARSITY.get(self.architecture, 0.0)

    def as_config(self) -> dict[str, Any]:
        """Return the settings as `--config` reads them."""
        values = asdict(self)
        if self.schedule_epochs is None:  # as it was before there was such a setting
            del values["schedule_epochs"]
        return values


SEED: dict[str, Any] = {
    "architecture": "relu",
    "tied_weights": True,
    "sparsity_coef": 1e-3,
    "normalise": False,
    "aux_coef": 0.0,
    "learning_rate": 1e-3,
    "batch_size": 512,
    "weight_decay": 1e-4,
    "schedule": "restarts",
    "clip_norm": 0.0,
    "max_epochs": 100,
    "patience": 10,
}
PRESETS: Mapping[str, dict[str, Any]] = {
    "recommended": {},
    "seed": SEED,
    "seed-fast": {
        **SEED,
        "latent_dim": 8192,
        "learning_rate": 2e-3,
        "batch_size": 1024,
        "accumulate": 2,
        "max_epochs": 50,
        "patience": 5,
        "val_per_epoch": 4,
        "max_samples": 50_000,
    },
    "seed-before": {
        **SEED,
        "batch_size": 256,
        "precision": "float32",
        "optimizer": "adam",
        "weight_decay": 0.0,
        "schedule": "plateau",
        "val_per_epoch": 1,
    },
}
WORKERS = {"seed": 8, "seed-fast": 12, "seed-before": 4}
"""What a preset says of --num-workers."""
FAST_LIMITS = {"latent_dim": 8192, "max_samples": 50_000, "max_epochs": 50}
"""What `train_sae_fast` never exceeds, whatever its flags say."""


def settings_of(preset: str, given: Mapping[str, Any]) -> Settings:
    """Return a preset with what is given instead; BadInput for a name that is no setting."""
    known = {field.name for field in fields(Settings)}
    for name in given:
        if name not in known:
            raise BadInput(f"{name!r} is no setting; they are {', '.join(sorted(known))}")
    if preset not in PRESETS:
        raise BadInput(f"{preset!r} is no preset; they are {', '.join(PRESETS)}")
    return Settings(**{**PRESETS[preset], **given})


def within_fast(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings cut to what the fast command allows."""
    return {
        name: min(value, FAST_LIMITS[name]) if name in FAST_LIMITS and value is not None else value
        for name, value in settings.items()
    }
