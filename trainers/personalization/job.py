"""One job from its options to its end."""

from __future__ import annotations

from pathlib import Path

import torch

from trainers.common.devices import resolve_device
from trainers.personalization.errors import OptionError
from trainers.personalization.options import PersonalizationOptions
from trainers.personalization.recipe.starting import Place
from trainers.personalization.runs import run_experiment, train_base
from worker_agent.protocol.script_contract import BASE_ONLY, ScriptContract


def run_job(options: PersonalizationOptions) -> None:
    """Do what the options say, in the place that the environment names."""
    contract = ScriptContract.from_environ()
    run = train_base if options.mode == BASE_ONLY else run_experiment
    run(options, _place(options, contract), contract.report_progress if contract else _print_progress)


def _place(options: PersonalizationOptions, contract: ScriptContract | None) -> Place:
    base_model_dir = contract.base_model_dir if contract else options.base_model_dir
    if base_model_dir is None and (options.needs_base_model or options.mode == BASE_ONLY):
        given = "TWOPHASE_BASE_MODEL_DIR" if contract else "--base_model_dir"
        raise OptionError(f"mode {options.mode} needs the folder of the base model: {given} is not set")
    own = Path("experiments") / options.prefix / f"fold{options.fold}_{options.target}"
    return Place(
        device=_device(options.device),
        base_model_dir=base_model_dir,
        output_dir=contract.output_dir if contract else options.output_dir or own,
        checkpoint_dir=contract.checkpoint_dir if contract else options.checkpoint_dir,
    )


def _device(name: str) -> torch.device:
    device = resolve_device(name)
    torch.backends.cudnn.deterministic = True
    return device


def _print_progress(epoch: int, epochs: int, **metrics: float) -> None:
    figures = "  ".join(f"{name} {value:.4f}" for name, value in metrics.items())
    print(f"epoch {epoch}/{epochs}  {figures}", flush=True)
