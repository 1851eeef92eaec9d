"""The command line of a job: pure functions."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass

from master.orchestrator.jobs import TrainingJob

OUTPUT_DIR = "{output_dir}"
"""The agent puts the attempt's directory for results in the place of this word."""
PYTHON = "{python}"


@dataclass(frozen=True)
class Passed:
    """What the command passes on to the scripts that take it."""

    epochs: int | None = None
    folds: int | None = None
    sample: int | None = None
    batch: int | None = None
    extra: tuple[str, ...] = ()
    """To all scripts, whether they take it or not."""


def argv_of(job: TrainingJob, script: str, passed: Passed) -> list[str]:
    """Return the words that start a job; `script` is its path in the working directory.

    The job's own arguments come first, so that those of the command win in most parsers.
    """
    values = {"epochs": passed.epochs, "folds": passed.folds, "sample": passed.sample, "batch": passed.batch}
    words = [*_started(job, script), *job.args]
    for what, value in values.items():
        if value is not None and what in job.takes:
            words += [job.takes[what], str(value)]
    if "output_dir" in job.takes:
        words += [job.takes["output_dir"], OUTPUT_DIR]
    return [*words, *passed.extra]


def _started(job: TrainingJob, script: str) -> list[str]:
    if job.module:
        return [PYTHON, "-m", job.module]
    if not script.endswith(".py"):
        return [script if script.startswith("/") else f"./{script}"]
    # A name that begins with a dash would be an option of the interpreter.
    return [PYTHON, f"./{script}" if script.startswith("-") else script]


def shown_command(argv: Sequence[str], output: str) -> str:
    """Return a command as the user could give it; `output` is where the results come to lie."""
    words = {PYTHON: "python", OUTPUT_DIR: output}
    return shlex.join(words.get(word, word) for word in argv)


def not_passed(job: TrainingJob, passed: Passed) -> tuple[str, ...]:
    """Return what the user gave and this script does not take, e.g. `folds`."""
    given = {"epochs": passed.epochs, "folds": passed.folds, "sample": passed.sample, "batch": passed.batch}
    return tuple(what for what, value in given.items() if value is not None and what not in job.takes)
