"""What may be asked of a training, and the fields of the job that it becomes."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field

from master.core.planning.plan import BASE_MODELS

DEFAULT_OUTPUT = "sae"
"""The folder below `experiments` of trainings that name none."""
FAST_LIMITS = {"latent_dim": 8192, "max_samples": 50_000, "max_epochs": 50}
"""What a fast training never exceeds."""
FAST = {"learning_rate": 2e-3, "batch_size": 1024}
"""What a fast training takes where the request says nothing."""
_NAME = re.compile(r"[A-Za-z0-9_+=][A-Za-z0-9._+=-]{0,99}")
_PRESETS = {False: "seed", True: "seed-fast"}


def _no_flag(value: object) -> object:
    if isinstance(value, bool):
        raise ValueError("true and false are no numbers")
    return value


def _is_name(value: str | None) -> str | None:
    if value is not None and (not _NAME.fullmatch(value) or value.lower() == BASE_MODELS):
        raise ValueError(
            f"a name, no path: letters, digits and . _ - + =, 100 at most; {BASE_MODELS} is taken"
        )
    return value


Whole = Annotated[int, BeforeValidator(_no_flag)]
Real = Annotated[float, BeforeValidator(_no_flag)]


class Asked(BaseModel, extra="forbid"):
    """A request to train."""

    layer_idx: Whole = Field(ge=0, lt=1 << 31)
    activation_data_path: str = Field(min_length=1, max_length=4096)
    latent_dim: Whole = Field(16_384, ge=1, le=1 << 24)
    sparsity_coef: Real = Field(1e-3, ge=0, le=1e9, allow_inf_nan=False)
    learning_rate: Real = Field(1e-3, gt=0, le=1e9, allow_inf_nan=False)
    max_epochs: Whole = Field(100, ge=1, lt=1 << 31)
    tied_weights: bool = True
    activation_fn: Literal["relu", "gelu"] = "relu"
    output_dir: Annotated[str | None, AfterValidator(_is_name)] = None
    max_samples: Annotated[Whole, Field(ge=1, lt=1 << 53)] | None = None
    batch_size: Whole = Field(512, ge=1, lt=1 << 31)
    num_workers: Whole = Field(8, ge=0, le=4096)

    def config(self, *, fast: bool) -> dict[str, Any]:
        """Return what is trained with, by the names of the request, within a fast one's limits."""
        config = self.model_dump()
        if fast:
            config |= {name: value for name, value in FAST.items() if name not in self.model_fields_set}
            config |= {name: _within(config[name], most) for name, most in FAST_LIMITS.items()}
        return config


def _within(value: int | None, most: int) -> int:
    return most if value is None else min(value, most)


def job_fields(config: dict[str, Any], activation_path: str, *, fast: bool) -> dict[str, Any]:
    """Return the fields of the job; `activation_path` is where it finds the activations."""
    same = ("layer_idx", "latent_dim", "sparsity_coef", "learning_rate", "max_epochs", "tied_weights")
    fields = {name: config[name] for name in (*same, "max_samples", "batch_size", "num_workers")}
    return {
        "prefix": config["output_dir"] or DEFAULT_OUTPUT,
        "activation_path": activation_path,
        "preset": _PRESETS[fast],
        "architecture": config["activation_fn"],
        **({"training_mode": "fast"} if fast else {}),
        **{name: value for name, value in fields.items() if value is not None},
        "export": "features",
    }


class ToLoad(BaseModel, extra="forbid"):
    """A request to load what a training left."""

    job_id: str = Field(min_length=1, max_length=200)


class Wanted(BaseModel, extra="forbid"):
    """Which features, and in what order."""

    layer_idx: int | None = Field(None, ge=0)
    limit: int = Field(100, ge=1, le=1000)
    offset: int = Field(0, ge=0, le=10**9)
    search: str = Field("", max_length=500)
    sort_by: Literal["activation", "frequency", "layer"] = Field("activation", alias="sortBy")
    sort_order: Literal["asc", "desc"] = Field("desc", alias="sortOrder")
