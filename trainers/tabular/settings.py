"""Every setting with its default and what it does; standard library only, so that help needs no torch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

from trainers.common.errors import BadInput
from trainers.common.flags import at_least, below, positive, whole

NETWORKS = ("tabm", "realmlp", "mlp", "transformer", "tabular_transformer", "ft_transformer")
TREES = ("trees", "trees_tuned")
MODELS = (*NETWORKS, *TREES)
SYNONYMS = {
    "pmssmtransformer": "transformer",
    "pmssmtransformertabular": "tabular_transformer",
    "transformer_tabular": "tabular_transformer",
    "fttransformer": "ft_transformer",
    "hist_gradient_boosting": "trees",
}
"""Other names of models, those of the first `train_pmssm` among them; case does not matter."""
PMSSM_INPUTS = tuple(
    f"IN_{name}"
    for name in (
        *("meL", "meR", "mtauL", "mtauR", "mqL1", "muR", "mdR", "mqL3", "mtR", "mbR"),
        *("M_1", "M_2", "mu", "M_3", "At", "Ab", "Atau", "mA", "tanb"),
    )
)
_LARGEST_SEED = 1 << 43
_ONCE = ("targets", "features", "seeds", "learning_rates", "weight_decays", "clip_norms")
"""Lists in which a value that comes twice would count twice."""
DATA, SPLIT, MODEL, TRAINING = "the columns", "the split", "the models", "training"


def option(
    default: Any,
    help: str,
    group: str,
    kind: Callable[[str], Any] = str,
    choices: tuple[str, ...] | None = None,
) -> Any:
    """Return the field of a setting; what is a tuple by default takes several words, or one with commas."""
    told = {"help": help, "group": group, "kind": kind, "choices": choices}
    return field(default=default, metadata=told)


@dataclass(frozen=True)
class Settings:
    """All that decides what the models of a table become, but the rows themselves."""

    targets: tuple[str, ...] = option((), "columns to predict; several are one regression", DATA)
    features: tuple[str, ...] = option((), "input columns, in their order (default: all that are left)", DATA)
    categorical: tuple[str, ...] = option((), "features that are names, not amounts; texts are anyway", DATA)
    exclude: tuple[str, ...] = option((), "columns that are no features", DATA)
    group: str | None = option(
        None, "column that tells what a row belongs to: a person, a run; @file: its file", DATA
    )
    time: str | None = option(None, "column of times: numbers, or dates as 2026-01-31", DATA)
    valid: tuple[str, ...] = option(
        (),
        "valid range of a target: MO_Omega=..1,!-1 is below 1, and not -1; low..high",
        DATA,
    )
    problem: str = option(
        "auto",
        "auto: a column of two values is binary, of texts multiclass, else a regression",
        DATA,
        choices=("auto", "regression", "binary", "multiclass"),
    )
    viability: bool = option(False, "also learn whether a row has a valid target at all", DATA)
    missing: str = option(
        "fill",
        "features: fill by the median of training rows (default), drop such rows, or error",
        DATA,
        choices=("fill", "drop", "error"),
    )
    infinite: str = option(
        "error", "infinite features are an error, or missing", DATA, choices=("error", "missing")
    )
    constant: str = option(
        "error",
        "columns that are constant in training rows: error, or drop them",
        DATA,
        choices=("error", "drop"),
    )
    split: str = option(
        "random",
        "random mixes all rows, and flatters where rows of one group are alike; group keeps groups whole; "
        "time tests on the latest; given: as --split-column says",
        SPLIT,
        choices=("random", "group", "time", "given"),
    )
    split_column: str | None = option(None, "column that holds train, val or test", SPLIT)
    val_share: float = option(0.15, "part held out to stop by and to calibrate on", SPLIT, below(0, 1))
    test_share: float = option(
        0.15, "part that is only scored on; 0: scores are those of --val-share", SPLIT, below(0, 1)
    )
    split_seed: int = option(42, "draws the split", SPLIT, whole(0, _LARGEST_SEED))
    folds: int = option(
        0,
        "from 2 on: so many folds instead of one held-out part, a member of each model for each",
        SPLIT,
        whole(0),
    )
    fold: int | None = option(None, "train on this fold alone, from 0, such as in a job", SPLIT, whole(0))
    n_samples: int | None = option(
        None, "the first so many rows of training and of validation", SPLIT, whole(1)
    )
    n_datasets: int | None = option(None, "the first so many files", SPLIT, whole(1))
    without_groups: tuple[str, ...] = option((), "leave the rows of these groups out", SPLIT)
    only_groups: tuple[str, ...] = option((), "take the rows of these groups alone", SPLIT)
    models: tuple[str, ...] = option(
        ("tabm", "realmlp", "mlp", "trees"), f"of {', '.join(MODELS)}; all is all of them", MODEL
    )
    sizes: tuple[str, ...] = option((), "sizes of a network, such as mlp.hidden=256", MODEL)
    seeds: tuple[int, ...] = option(
        (0,), "a member of each model for each seed; members predict together", MODEL, whole(0, _LARGEST_SEED)
    )
    configurations: int = option(30, "that trees_tuned tries", MODEL, whole(1))
    target_transform: tuple[str, ...] = option(
        ("none",),
        "none, log, asinh or quantile, for all targets, or target=log for one; then they are standardised",
        MODEL,
    )
    inputs: str | None = option(
        None,
        "how amounts are prepared (default: the model's recipe)",
        MODEL,
        choices=("standard", "quantile", "robust"),
    )
    epochs: int | None = option(None, "at most (default: the model's recipe)", TRAINING, whole(1))
    batch_size: int | None = option(None, "rows of a step (default: the model's recipe)", TRAINING, whole(1))
    learning_rates: tuple[float, ...] = option(
        (), "several: a member for each (default: the model's recipe)", TRAINING, positive
    )
    weight_decays: tuple[float, ...] = option((), "likewise", TRAINING, at_least(0))
    clip_norms: tuple[float, ...] = option((), "likewise; 0 does not clip", TRAINING, at_least(0))
    schedule: str | None = option(
        None, "of the rate (default: the model's recipe)", TRAINING, choices=("constant", "cosine", "coslog4")
    )
    early_stopping: bool | None = option(
        None, "end when the validation loss no longer falls (default: the model's recipe)", TRAINING
    )
    patience: int | None = option(
        None,
        "epochs without a better validation loss before training ends (default: the recipe, or 500)",
        TRAINING,
        whole(1),
    )
    precision: str = option(
        "float32",
        "bfloat16: products in it, sums in float32",
        TRAINING,
        choices=("float32", "bfloat16", "float64"),
    )
    tune_learning_rate: float | None = option(
        None, "from a base model on (default: a tenth of the recipe's)", TRAINING, positive
    )
    tune_epochs: int | None = option(None, "from a base model on (default: as --epochs)", TRAINING, whole(1))

    def __post_init__(self) -> None:
        """Refuse values that do not go together."""
        self._check_lists()
        self._check_models()
        self._check_split()

    def _check_lists(self) -> None:
        for name in ("models", "seeds"):
            if not getattr(self, name):
                raise BadInput(f"--{name}: names none; leave it out for its default")
        for name in _ONCE:
            values = getattr(self, name)
            twice = sorted({str(one) for one in values if values.count(one) > 1})
            if twice:
                raise BadInput(f"--{name.replace('_', '-')} {', '.join(twice)}: given twice; give each once")

    def _check_models(self) -> None:
        for name in self.models:
            if name not in MODELS:
                raise BadInput(f"--models {name}: must be of {', '.join(MODELS)}, or all")
        for word in self.sizes:
            name, dot, _ = word.partition("=")[0].partition(".")
            if dot and name not in NETWORKS:
                raise BadInput(f"--sizes {word}: {name!r} is no network; they are {', '.join(NETWORKS)}")

    def _check_split(self) -> None:
        if self.folds == 1:
            raise BadInput("--folds 1: at least 2, or 0 for one held-out part")
        if self.fold is not None and not self.folds:
            raise BadInput(f"--fold {self.fold}: --folds 0 is no folds; --folds says how many there are")
        if self.fold is not None and self.fold >= self.folds:
            raise BadInput(
                f"--fold {self.fold}: --folds {self.folds} has the folds from 0 to {self.folds - 1}"
            )
        if not (self.val_share or self.folds or self.split == "given"):
            raise BadInput("--val-share 0: leaves no row to stop by and to calibrate on; it must be above 0")
        if self.val_share + self.test_share >= 1:
            raise BadInput("--val-share and --test-share leave no row to train on")

    def as_config(self) -> dict[str, Any]:
        """Return the settings as `--config` reads them."""
        return asdict(self)


SETTINGS = {one.name: one for one in fields(Settings)}
_PMSSM = {
    "features": PMSSM_INPUTS,
    "targets": ("MO_Omega",),
    "valid": ("MO_Omega=..1,!-1",),
    "val_share": 0.1,
    "test_share": 0.0,
    "models": ("transformer", "tabular_transformer", "mlp"),
    "epochs": 2000,
    "early_stopping": False,
    "patience": 500,
}
PRESETS: Mapping[str, dict[str, Any]] = {"recommended": {}, "pmssm": _PMSSM}
"""pmssm: the data, split and models of the first `train_pmssm`: 19 inputs, the relic density below 1."""
TREE = {"pmssm": "susy"}
"""By preset: the tree in ROOT files."""
TESTING = {"epochs": 10, "n_datasets": 1, "n_samples": 1000}
"""What --testing sets, where it is not given."""


def settings_of(preset: str, given: Mapping[str, Any], *, testing: bool = False) -> Settings:
    """Return a preset with what is given instead; BadInput for what is no preset, setting or value."""
    if preset not in PRESETS:
        raise BadInput(f"--preset {preset}: must be of {', '.join(PRESETS)}")
    unknown = sorted(name for name in given if name not in SETTINGS)
    if unknown:
        raise BadInput(f"{', '.join(unknown)}: no setting; they are {', '.join(SETTINGS)}")
    values = {**PRESETS[preset], **(TESTING if testing else {}), **given}
    made = Settings(**{name: _checked(name, value) for name, value in values.items()})
    if "valid" in given:
        return made
    # A preset's ranges are of its own targets.
    return replace(made, valid=tuple(word for word in made.valid if word.partition("=")[0] in made.targets))


def model_names(words: tuple[str, ...]) -> tuple[str, ...]:
    """Return the models that words name, each once: `all`, and the names of the first train_pmssm."""
    names = [SYNONYMS.get(word.lower(), word.lower()) for word in words]
    return tuple(dict.fromkeys(one for name in names for one in (MODELS if name == "all" else (name,))))


def _checked(name: str, value: Any) -> Any:
    """Return a value of a setting as its field holds it."""
    if isinstance(SETTINGS[name].default, tuple):
        parts = _parts(name, value)
        return model_names(parts) if name == "models" else parts
    if value is None:
        if SETTINGS[name].default is None:
            return None
        raise BadInput(f"{name}: must not be null")
    if isinstance(SETTINGS[name].default, bool) or name == "early_stopping":
        if not isinstance(value, bool):
            raise BadInput(f"{name} is {value!r}: must be true or false")
        return value
    return _one(name, value)


def _parts(name: str, value: Any) -> tuple[Any, ...]:
    """Return the parts of a list, or of a text with commas."""
    found = value.split(",") if isinstance(value, str) and name != "valid" else value
    parts = found if isinstance(found, (list, tuple)) else (found,)
    return tuple(_one(name, part.strip() if isinstance(part, str) else part) for part in parts if part != "")


def _one(name: str, value: Any) -> Any:
    """Return one value, checked as on the command line."""
    told = SETTINGS[name].metadata
    try:
        found = told["kind"](str(value))
    except Exception as error:
        raise BadInput(f"{name}: {error}") from error
    if told["choices"] and found not in told["choices"]:
        raise BadInput(f"{name} is {value!r}: must be of {', '.join(told['choices'])}")
    return found
