"""What the flags of `train_probes` have done."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from trainers.common.activations.loading import load_rows
from trainers.common.devices import resolve_device
from trainers.common.errors import BadInput
from trainers.probes.cli import DEFAULT_OUTPUT
from trainers.probes.layer_runs import find_layer_runs
from trainers.probes.options import Load, ProbeOptions
from trainers.probes.reading.labels import read_names
from trainers.probes.run import Run, train_layers
from trainers.probes.settings import ATTENTION_HEADS, Settings, recipe
from trainers.probes.together import Task, run_together
from worker_agent.protocol.script_contract import ScriptContract


@dataclass(frozen=True)
class Place:
    """Where a job is trained."""

    contract: ScriptContract | None
    told: TextIO
    root: Path = Path()
    """Where relative paths begin."""
    load: Load = load_rows
    """What brings the rows of a split into memory."""


def train_probes(arguments: argparse.Namespace, place: Place) -> None:
    """Train what parsed flags name."""
    run_together([Task(run_of(arguments, place, lambda: None), lambda: None)], _raised)


def run_of(arguments: argparse.Namespace, place: Place, may_go_on: Callable[[], None]) -> Run:
    """Return the job that flags ask for; `may_go_on` raises a TrainerError where it is to end.

    Raises BadInput for flags that do not go together, and where a file is not there.
    """
    options, root = options_of(arguments, place), place.root
    usual = DEFAULT_OUTPUT if place.contract is None else place.contract.output_dir
    output = root / (arguments.output_dir or usual)
    activations = [str(root / one) for one in arguments.activations]
    return train_layers(find_layer_runs(activations, arguments.layer, output), options, place.told, may_go_on)


def _raised(number: int, error: Exception | None) -> None:
    if error is not None:
        raise error


def options_of(arguments: argparse.Namespace, place: Place) -> ProbeOptions:
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
        names=None if arguments.actions is None else read_names(place.root / arguments.actions),
        overwrite=arguments.overwrite,
        contract=place.contract,
        load=place.load,
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
    """Return what the flags say of the weights.  Raises BadInput for a schedule that ends before training."""
    dtype = arguments.dtype
    if dtype == "auto":
        dtype = "bfloat16" if resolve_device(arguments.device).type == "cuda" else "float32"
    usual = recipe(arguments.recipe, arguments.model_type, arguments.inputs)
    given = {name: getattr(arguments, name) for name in ("inputs", "bias_start", "epoch_steps", "epochs")}
    settings = Settings(
        model_type=arguments.model_type,
        hidden_dim=arguments.hidden_dim,
        dropout=arguments.dropout,
        batch_size=arguments.batch_size,
        lrs=_flat(arguments.lr) if arguments.lr else usual["lrs"],
        weight_decays=_flat(arguments.weight_decay),
        patience=arguments.early_stopping_patience,
        scheduler=arguments.scheduler,
        schedule_epochs=arguments.schedule_epochs,
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
    if settings.horizon < settings.epochs:
        raise BadInput(
            f"--schedule-epochs {settings.horizon}: is less than --epochs {settings.epochs}; "
            "the schedule must be at least as long as the training"
        )
    return settings


def _flat(groups: list[tuple[float, ...]]) -> tuple[float, ...]:
    return tuple(dict.fromkeys(value for group in groups for value in group))
