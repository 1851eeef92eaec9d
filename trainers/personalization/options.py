"""The flags of the training script as one frozen value."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from trainers.common.flags import real, whole
from trainers.personalization.errors import OptionError
from trainers.personalization.participants import base_participants
from worker_agent.protocol.script_contract import BASE_ONLY

FULL_FINE_TUNING = "full_fine_tuning"
TARGET_ONLY_FINE_TUNING = "target_only_fine_tuning"
TARGET_ONLY = "target_only"
MODES = (FULL_FINE_TUNING, TARGET_ONLY_FINE_TUNING, TARGET_ONLY, BASE_ONLY)
MODELS = ("cnn", "mlp", "test")
RECIPES: dict[str, dict[str, Any]] = {
    "default": {
        "inputs": "standardised",
        "epoch_steps": 10,
        "least_steps": 300,
        "schedule": "cosine",
        "label_smoothing": 0.1,
        "average": 0.98,
        "dropout": 0.2,
        "hidden_sizes": (128, 128),
        "refit": True,
    },
    "original": {
        "inputs": "raw",
        "epoch_steps": 0,
        "least_steps": 0,
        "schedule": "constant",
        "label_smoothing": 0.0,
        "average": 0.0,
        "dropout": 0.1,
        "hidden_sizes": (128, 64),
        "refit": False,
    },
}
"""What `--recipe` sets, each unless its own flag is given; `original` is how models were trained at first."""
_ABOUT = {
    name: f"{about} ({RECIPES['default'][name]}; with the original recipe {RECIPES['original'][name]})"
    for name, about in {
        "inputs": "scale windows by statistics of training, or rank them by its quantiles",
        "epoch_steps": "steps of an epoch at least; small sets are passed again",
        "least_steps": "steps before which no epoch is the best, a third of it from a base model",
        "schedule": "of the learning rate along the epochs",
        "label_smoothing": "share of each label spread over all",
        "average": "running mean of the weights: what stays of it each step",
        "dropout": "before the last layer, in mlp after each hidden one",
        "hidden_sizes": "widths of the layers of mlp",
        "refit": "train on train and val at last",
    }.items()
}


@dataclass(frozen=True)
class PersonalizationOptions:
    """One job: a field for each flag, under the flag's name."""

    fold: int
    """Index of the target in `participants`."""
    participants: tuple[str, ...]
    mode: str
    model: str
    batch_size: int
    lr: float
    window_size: int
    """Samples of a window that the network sees; longer windows are cut to their first `window_size`."""
    data_path: Path
    prefix: str
    use_augmentation: bool
    jitter_std: float
    """Standard deviation of the added noise, in units of X."""
    magnitude_range: tuple[float, float]
    """Bounds of the factor that a window is multiplied by."""
    aug_prob: float
    """Chance of each augmentation, drawn for each window by itself."""
    n_base_participants: int | str
    early_stopping_patience: int
    """Epochs without a better validation loss after which base training ends."""
    early_stopping_patience_target: int
    target_data_pct: float
    """Share, not percent, of the target's training windows that is used."""
    target_batch_pct: float | None
    """Share, not percent, of each batch that comes from the target; None mixes all windows evenly."""
    seed: int
    seed_finetune: int | None
    """Of target training; None is `seed`."""
    epochs: int
    """Upper bound for base training and for target training alike."""
    schedule_epochs: int | None
    """Epochs along which the schedule is laid, at least `epochs`; None is `epochs`."""
    recipe: str
    inputs: str
    """`standardised`, or ranked by `quantiles`, of the training windows, kept in the model; or `raw`."""
    epoch_steps: int
    """Steps that an epoch has at least; small sets are passed more than once for that."""
    least_steps: int
    """Steps before which no epoch is the best, a third from a base model; at most half of the schedule."""
    schedule: str
    """`constant`, or `cosine`: the learning rate falls to zero along the epochs of the schedule."""
    label_smoothing: float
    average: float
    """How much of the running mean of the weights stays from step to step; 0 trains without one."""
    seeds: int
    """Models that are trained from as many seeds, and whose probabilities are averaged."""
    refit: bool
    """Whether target training starts again on train and val once it knows how many epochs are best."""
    baseline: bool
    n_classes: int | None
    """None: as many as the labels of the data show, at least two."""
    dropout: float
    conv_channels: tuple[int, ...]
    kernel_size: int
    hidden_sizes: tuple[int, ...]
    device: str
    checkpoint_every: int
    """Epochs between two checkpoints; 0 writes none."""
    keep_state: bool
    """Whether the base model is to hold what a training of more epochs goes on from."""
    no_plots: bool
    base_model_dir: Path | None
    parent_model_dir: Path | None
    resume_model_dir: Path | None
    output_dir: Path | None
    checkpoint_dir: Path | None

    @property
    def target(self) -> str:
        """The participant that the model is fitted to."""
        return self.participants[self.fold]

    def for_target(self) -> PersonalizationOptions:
        """Return the options of target training, whose seed may be its own."""
        return self if self.seed_finetune is None else replace(self, seed=self.seed_finetune)

    @property
    def horizon(self) -> int:
        """The epochs along which the schedule is laid."""
        return self.schedule_epochs or self.epochs

    @property
    def needs_base_model(self) -> bool:
        """Whether the mode starts from a base model."""
        return self.mode in (FULL_FINE_TUNING, TARGET_ONLY_FINE_TUNING)

    @property
    def base_participants(self) -> list[str]:
        """The sorted participants whose data trains the base model."""
        return base_participants(self.participants, self.fold, self.n_base_participants)


def parse(argv: Sequence[str]) -> PersonalizationOptions:
    """Return the options in `argv`; a malformed flag exits with 2, contradicting flags raise OptionError."""
    values = vars(build_parser().parse_args(argv))
    for name, value in RECIPES[values["recipe"]].items():
        values[name] = value if values[name] is None else values[name]
    for name in ("participants", "conv_channels", "hidden_sizes", "magnitude_range"):
        values[name] = tuple(values[name])
    options = PersonalizationOptions(**values)
    _check(options)
    return options


def _check(options: PersonalizationOptions) -> None:
    repeated = sorted({name for name in options.participants if options.participants.count(name) > 1})
    if repeated:
        raise OptionError(f"participants names {', '.join(repeated)} more than once; each may occur once")
    low, high = options.magnitude_range
    if low > high:
        raise OptionError(f"magnitude_range is {low} {high}; the first must not be above the second")
    if options.kernel_size % 2 == 0:
        raise OptionError(f"kernel_size is {options.kernel_size}; allowed are odd numbers")
    if options.horizon < options.epochs:
        raise OptionError(
            f"schedule_epochs is {options.schedule_epochs}, epochs is {options.epochs}; "
            "the schedule must be at least as long as the training"
        )
    share = options.target_batch_pct
    if share is not None and 0 < share < 1 and options.batch_size < 2:
        raise OptionError(f"target_batch_pct {share} needs a batch_size of at least 2")
    try:
        options.base_participants  # noqa: B018
    except ValueError as error:
        raise OptionError(str(error)) from error


_COUNT = whole(1)
_FROM_ZERO = whole(0)
_SHARE = real(0, 1)
_POSITIVE = real(1e-12, 1e6)
_NOT_NEGATIVE = real(0, 1e6)


def _count_or_all(text: str) -> int | str:
    return text if text == "all" else _COUNT(text)


def _participant(text: str) -> str:
    if not text or "/" in text or text in (".", ".."):
        raise argparse.ArgumentTypeError(f"{text!r} cannot be part of a file name")
    return text


@cache  # several hundredths of a second, and sibling jobs share a process
def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the command."""
    parser = argparse.ArgumentParser(
        prog="python -m twophase personalization",
        description="Train a base model on many participants, or fit a model to one of them.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("--fold", type=_FROM_ZERO, required=True, help="index of the target participant")
    add("--participants", type=_participant, nargs="+", required=True, help="names as in the data files")
    add("--mode", choices=MODES, default=FULL_FINE_TUNING)
    add("--model", choices=MODELS, default="test")
    add("--batch_size", type=_COUNT, default=64)
    add("--lr", type=_POSITIVE, default=3e-4)
    add("--window_size", type=_COUNT, default=3000, help="samples of a window; longer ones are cut")
    add("--data_path", type=Path, default=Path("data/001_60s_window"))
    add("--prefix", default="alpha", help="folder of the results below experiments/")
    add("--use_augmentation", action="store_true")
    add("--jitter_std", type=_NOT_NEGATIVE, default=0.005)
    add("--magnitude_range", type=_NOT_NEGATIVE, nargs=2, default=(0.98, 1.02))
    add("--aug_prob", type=_SHARE, default=0.3)
    add("--n_base_participants", type=_count_or_all, default="all")
    add("--early_stopping_patience", type=_COUNT, default=40, help="epochs, base training")
    add("--early_stopping_patience_target", type=_COUNT, default=40, help="epochs, target training")
    add("--target_data_pct", type=_SHARE, default=1.0, help="share of the target's training windows")
    add("--target_batch_pct", type=_SHARE, default=None, help="share of the target in each batch")
    add("--seed", type=_FROM_ZERO, default=0)
    add("--seed_finetune", type=_FROM_ZERO, default=None, help="of target training alone (--seed)")
    add("--epochs", type=_COUNT, default=100, help="at most, for base and target training alike")
    add(
        "--schedule_epochs",
        type=_COUNT,
        default=None,
        help="epochs along which schedules are laid, so that a longer training can go on (default: epochs)",
    )
    _recipe_flags(parser)
    add(
        "--n_classes",
        type=whole(2),
        default=None,
        help="default: what the data shows",
    )
    add("--conv_channels", type=_COUNT, nargs="+", default=(32, 64), help="widths of the layers of cnn")
    add("--kernel_size", type=_COUNT, default=5, help="samples, of the layers of cnn")
    _running_flags(parser)
    return parser


def _running_flags(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--device", default="auto", help="cpu, cuda, cuda:N; auto and 0 take a GPU where there is one")
    add("--checkpoint_every", type=_FROM_ZERO, default=10, help="epochs; 0 writes no checkpoint")
    add("--keep_state", action="store_true", help="let the base model hold its training state, as for jobs")
    add("--no_plots", action="store_true", help="write no PNG files")
    add("--base_model_dir", type=Path, help="where no agent started the script: the base model's folder")
    add("--parent_model_dir", type=Path, help="likewise: the folder of what the base model starts from")
    add(
        "--resume_model_dir",
        type=Path,
        help="likewise: the folder of a base model of fewer epochs that holds its state, to go on from",
    )
    add("--output_dir", type=Path, help="likewise: the folder of the results")
    add("--checkpoint_dir", type=Path, help="likewise: the folder of checkpoints")


def _recipe_flags(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    unset, about = argparse.SUPPRESS, _ABOUT
    parser.set_defaults(**dict.fromkeys(RECIPES["default"]))
    add("--recipe", choices=tuple(RECIPES), default="default", help="sets the next nine")
    inputs = ("quantiles", "standardised", "raw")
    add("--inputs", choices=inputs, default=unset, help=about["inputs"])
    add("--epoch_steps", type=_FROM_ZERO, default=unset, help=about["epoch_steps"])
    add("--least_steps", type=_FROM_ZERO, default=unset, help=about["least_steps"])
    add("--schedule", choices=("cosine", "constant"), default=unset, help=about["schedule"])
    add("--label_smoothing", type=real(0, 0.99), default=unset, help=about["label_smoothing"])
    add("--average", type=real(0, 0.9999), default=unset, help=about["average"])
    add("--dropout", type=real(0, 0.99), default=unset, help=about["dropout"])
    add("--hidden_sizes", type=_COUNT, nargs="+", default=unset, help=about["hidden_sizes"])
    add("--refit", action=argparse.BooleanOptionalAction, default=unset, help=about["refit"])
    add("--seeds", type=_COUNT, default=1, help="models to train and average")
    add("--baseline", action="store_true", help="also score forest and logistic regression")
