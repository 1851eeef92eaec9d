"""What the flags of `train_probes` have done."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TextIO

from trainers.common.activations.loading import load_rows
from trainers.common.devices import resolve_device
from trainers.common.errors import BadInput
from trainers.probes.layer_runs import find_layer_runs
from trainers.probes.reading.labels import read_names
from trainers.probes.run import Load, ProbeOptions, train_layers
from trainers.probes.settings import ATTENTION_HEADS, Settings, recipe
from worker_agent.protocol.script_contract import ScriptContract


def train_probes(
    arguments: argparse.Namespace,
    output: Path,
    contract: ScriptContract | None,
    stream: TextIO,
    load: Load | None = None,
) -> None:
    """Train what parsed flags name to `output` and tell it to `stream`; `load` as for `ProbeOptions`."""
    options = options_of(arguments, contract, load)
    train_layers(find_layer_runs(arguments.activations, arguments.layer, output), options, stream)


def options_of(
    arguments: argparse.Namespace, contract: ScriptContract | None, load: Load | None
) -> ProbeOptions:
    """Return how the flags have probes trained.  Raises BadInput for flags that do not go together."""
    check(arguments)
    executor, loader = arguments.executor, arguments.loader
    return ProbeOptions(
        settings=settings_of(arguments),
        executor=executor,
        loader=loader or ("dataloader" if executor == "thread" else "memory"),
        device=arguments.device,
        pin=arguments.pin,
        num_workers=arguments.num_workers,
        memory_limit=None if arguments.memory_limit is None else int(arguments.memory_limit * 2**30),
        baseline=arguments.baseline,
        names=None if arguments.actions is None else read_names(arguments.actions),
        overwrite=arguments.overwrite,
        contract=contract,
        load=load or load_rows,
    )


def check(arguments: argparse.Namespace) -> None:
    """Raise BadInput for flags that do not go together."""
    multihead, exact = arguments.model_type == "multihead", arguments.solver == "exact"
    if multihead and arguments.hidden_dim % ATTENTION_HEADS:
        raise BadInput(
            f"--hidden-dim {arguments.hidden_dim}: must be a multiple of {ATTENTION_HEADS} (heads)"
        )
    if multihead and exact:
        raise BadInput("--solver exact: solves linear probes only, not --model-type multihead")
    if resolve_device(arguments.device).type == "mps" and (
        exact or arguments.baseline or arguments.dtype == "float64"
    ):
        needs = "--solver exact, --baseline and --dtype float64 need"
        raise BadInput(f"--device mps: has no float64, which {needs}")


def settings_of(arguments: argparse.Namespace) -> Settings:
    """Return what the flags say of the weights."""
    dtype = arguments.dtype
    if dtype == "auto":
        dtype = "bfloat16" if resolve_device(arguments.device).type == "cuda" else "float32"
    usual = recipe(arguments.recipe, arguments.model_type, arguments.inputs)
    given = {name: getattr(arguments, name) for name in ("inputs", "bias_start", "epoch_steps", "epochs")}
    return Settings(
        model_type=arguments.model_type,
        hidden_dim=arguments.hidden_dim,
        dropout=arguments.dropout,
        batch_size=arguments.batch_size,
        lrs=_flat(arguments.lr) if arguments.lr else usual["lrs"],
        weight_decays=_flat(arguments.weight_decay),
        patience=arguments.early_stopping_patience,
        scheduler=arguments.scheduler,
        min_lr=arguments.min_lr,
        pos_weight=arguments.pos_weight,
        **{name: usual[name] if value is None else value for name, value in given.items()},
        dtype=dtype,
        seed=arguments.seed,
        solver=arguments.solver,
        C=arguments.C,
        tol=arguments.tol,
        max_iter=arguments.max_iter,
    )


def _flat(groups: list[tuple[float, ...]]) -> tuple[float, ...]:
    return tuple(dict.fromkeys(value for group in groups for value in group))
