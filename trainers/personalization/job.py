"""One job from its options to its end, or several as one."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

import torch

from trainers.common.devices import resolve_device
from trainers.common.errors import TrainerError
from trainers.personalization.errors import OptionError
from trainers.personalization.fitting.courses import Progress, Report, Trainee
from trainers.personalization.fitting.training import fit
from trainers.personalization.options import PersonalizationOptions
from trainers.personalization.recipe.starting import Place
from trainers.personalization.runs import Run, run_experiment, train_base
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
    here = Surroundings(ScriptContract.from_environ(), sys.stdout, sys.stderr, Path(), lambda: None)
    run_together([run_of(options, here)], _raised)


def run_of(options: PersonalizationOptions, given: Surroundings) -> Run:
    """Return the run that the options ask for."""
    run = train_base if options.mode == BASE_ONLY else run_experiment
    report = given.contract.report_progress if given.contract else _printed(given.told)
    return run(options, _place(options, given), report)


Ended = Callable[[int, Exception | None], None]
"""Called with the number of a run when it has ended, and what ended it before it was done."""


def run_together(runs: Sequence[Run], ended: Ended) -> None:
    """Do all runs, with the trainings that they ask for as one."""
    asked: dict[int, list[Trainee]] = {}
    for number, run in enumerate(runs):
        _go_on(number, lambda run=run: next(run), asked, ended)  # type: ignore[misc]
    while asked:
        now, asked = asked, {}
        endings = iter(fit([trainee for trainees in now.values() for trainee in trainees]))
        for number, trainees in now.items():
            found = [next(endings) for _ in trainees]
            _go_on(number, lambda run=runs[number], found=found: _sent(run, found), asked, ended)  # type: ignore[misc]


def _sent(run: Run, endings: Sequence[Progress | TrainerError]) -> list[Trainee]:
    for ending in endings:
        if isinstance(ending, TrainerError):
            return run.throw(ending)
    return run.send([ending for ending in endings if isinstance(ending, Progress)])


def _go_on(
    number: int, advance: Callable[[], list[Trainee]], asked: dict[int, list[Trainee]], ended: Ended
) -> None:
    try:
        asked[number] = advance()
    except StopIteration:
        ended(number, None)
    except (TrainerError, OSError) as error:
        ended(number, error)


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
