"""One job from its options to its end."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

import torch

from trainers.common.devices import resolve_device
from trainers.common.jobs.interrupts import leaving_between_steps
from trainers.personalization.errors import OptionError
from trainers.personalization.fitting.courses import Report
from trainers.personalization.options import PersonalizationOptions
from trainers.personalization.recipe.starting import Place
from trainers.personalization.runs import run_experiment, train_base
from trainers.personalization.together import Task, run_together
from worker_agent.protocol.script_contract import BASE_ONLY, ScriptContract


@dataclass(frozen=True)
class Surroundings:
    """What a job is given beside its options."""

    contract: ScriptContract | None
    told: TextIO
    warned: TextIO
    root: Path
    """Where paths of the options begin."""
    may_go_on: Callable[[], None]
    """Raises a TrainerError where the job is to end."""


def run_job(options: PersonalizationOptions) -> None:
    """Do what the options say, in the place that the environment names."""
    contract = ScriptContract.from_environ()
    with leaving_between_steps() if contract else nullcontext(_stay) as may_go_on:
        here = Surroundings(contract, sys.stdout, sys.stderr, Path(), may_go_on)
        run_together([task_of(options, here)], _raised)


def _stay() -> None:
    """Go on: whoever runs this by hand ends it at once."""


def task_of(options: PersonalizationOptions, given: Surroundings) -> Task:
    """Return the run that the options ask for."""
    run = train_base if options.mode == BASE_ONLY else run_experiment
    report = given.contract.report_progress if given.contract else _printed(given.told)
    return Task(run(options, _place(options, given), report), given.may_go_on)


def _raised(number: int, error: Exception | None) -> None:
    if error is not None:
        raise error


def _place(options: PersonalizationOptions, given: Surroundings) -> Place:
    contract = given.contract
    base_model_dir = contract.base_model_dir if contract else options.base_model_dir
    if base_model_dir is None and (options.needs_base_model or options.mode == BASE_ONLY):
        flag = "TWOPHASE_BASE_MODEL_DIR" if contract else "--base_model_dir"
        raise OptionError(f"mode {options.mode} needs the folder of the base model: {flag} is not set")
    own = Path("experiments") / options.prefix / f"fold{options.fold}_{options.target}"
    return Place(
        device=_device(options.device),
        base_model_dir=base_model_dir,
        parent_model_dir=contract.parent_model_dir if contract else options.parent_model_dir,
        resume_model_dir=contract.resume_model_dir if contract else options.resume_model_dir,
        keeps_state=contract.keeps_state if contract else options.keep_state,
        output_dir=contract.output_dir if contract else given.root / (options.output_dir or own),
        checkpoint_dir=contract.checkpoint_dir if contract else options.checkpoint_dir,
        root=given.root,
        told=given.told,
        warned=given.warned,
        may_go_on=given.may_go_on,
    )


def _device(name: str) -> torch.device:
    device = resolve_device(name)
    torch.backends.cudnn.deterministic = True
    return device


def _printed(stream: TextIO) -> Report:
    def told(epoch: int, epochs: int, **metrics: float) -> None:
        figures = "  ".join(f"{name} {value:.4f}" for name, value in metrics.items())
        print(f"epoch {epoch}/{epochs}  {figures}", file=stream, flush=True)

    return told
