"""What the Lightning engine does not do; told before anything is read or written."""

from __future__ import annotations

import importlib.util

from trainers.common.activations.rows import ResidentRows, Rows
from trainers.common.errors import BadInput, TrainerError
from trainers.sae.settings import Settings

KINDS = ("relu", "gelu", "topk")


def check_rows(rows: Rows) -> None:
    """Raise BadInput for activations that are streamed."""
    if not isinstance(rows, ResidentRows):
        raise BadInput("--engine lightning needs activations that fit into memory: lower --max-samples")


def check_engine(settings: Settings) -> None:
    """Raise BadInput for settings of our own loop alone, TrainerError where Lightning is missing."""
    if settings.engine != "lightning":
        return
    if settings.architecture not in KINDS:
        raise BadInput(f"--engine lightning trains {', '.join(KINDS)}, not {settings.architecture}")
    if settings.unit_norm:
        raise BadInput("--engine lightning has no --unit-norm; leave it out, or use --engine own")
    if settings.precision == "int8":
        raise BadInput("--engine lightning has no --precision int8; leave it out, or use --engine own")
    if settings.resample_every:
        raise BadInput("--engine lightning has no --resample-every; leave it out, or use --engine own")
    if importlib.util.find_spec("lightning") is None:
        raise TrainerError("--engine lightning needs Lightning: pip install 'twophase[lightning]'")
