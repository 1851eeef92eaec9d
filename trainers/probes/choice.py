"""Which executor a layer gets, how much memory that takes, and what to do where there is too little."""

from __future__ import annotations

from typing import Literal

import torch

from trainers.common.memory import available_bytes
from trainers.probes.fitting.modules import new_module
from trainers.probes.options import ProbeOptions
from trainers.probes.settings import Settings

FUSED_SHARE = 0.5
"""Part of the free memory that a fused model may take; probes that need more are trained one by one."""


def executor_for(
    options: ProbeOptions, device: torch.device, n_features: int, probes: int
) -> Literal["fused", "thread", "exact"]:
    """Return what trains that many probes of a layer."""
    settings = options.settings
    if settings.solver == "exact":
        return "exact"
    if options.executor != "auto":
        return options.executor
    free = torch.cuda.mem_get_info(device)[0] if device.type == "cuda" else available_bytes()
    return "fused" if stacked_bytes(settings, n_features, probes) <= free * FUSED_SHARE else "thread"


def training_advice(executor: str, options: ProbeOptions, device: torch.device) -> str:
    """Name the flags that make training take less memory."""
    if executor == "exact":
        flags = "use --solver adamw"
    elif executor == "thread":
        flags = "lower --num-workers or --batch-size"
    else:
        flags = "lower --batch-size or the number of --lr and --weight-decay values, or use --executor thread"
    if options.settings.model_type == "multihead":
        flags += ", or lower --hidden-dim"
    return f"{flags}, or --no-pin-activations" if _on_accelerator(options, device) else flags


def loading_advice(options: ProbeOptions, device: torch.device) -> str:
    """Name the flags that make the activations take less memory."""
    flags = "try --dtype bfloat16" + ("" if options.executor == "thread" else " or a lower --memory-limit")
    return f"{flags}, or --no-pin-activations" if _on_accelerator(options, device) else flags


def _on_accelerator(options: ProbeOptions, device: torch.device) -> bool:
    return options.pin and device.type != "cpu"


def stacked_bytes(settings: Settings, n_features: int, probes: int) -> int:
    """Return about how much memory the fused model of that many probes takes beyond the activations.

    Weights, gradients, two moments, scratch and best weights of every column, and what is kept of a batch's
    hidden layers for their gradients.
    """
    with torch.device("meta"):
        weights = sum(value.numel() for value in new_module(settings, n_features).parameters())
    hidden = 6 * settings.hidden_dim * settings.batch_size if settings.model_type == "multihead" else 0
    columns = probes * len(settings.for_width(n_features).variants())
    return columns * (6 * weights + hidden) * settings.compute_dtype.itemsize
