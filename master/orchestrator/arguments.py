"""The command line of a job: pure functions."""

from __future__ import annotations

import json
import math
import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from master.orchestrator.discovery import SPELLINGS
from master.orchestrator.jobs import TrainingJob

OUTPUT_DIR = "{output_dir}"
"""The agent puts the attempt's directory for results in the place of this word."""
PYTHON = "{python}"
_NAMED = re.compile(r"[+~]*[A-Za-z_][\w./@-]*")


@dataclass(frozen=True)
class Passed:
    """What the command passes on to the scripts that take it."""

    epochs: int | None = None
    folds: int | None = None
    sample: int | None = None
    batch: int | None = None
    extra: tuple[str, ...] = ()
    """To all scripts, whether they take it or not."""

    @property
    def given(self) -> dict[str, int]:
        """Return what the user gave, by key of `SPELLINGS`."""
        values = {"epochs": self.epochs, "folds": self.folds, "sample": self.sample, "batch": self.batch}
        return {what: value for what, value in values.items() if value is not None}


def argv_of(job: TrainingJob, script: str, passed: Passed) -> list[str]:
    """Return the words that start a job; `script` is its path in the working directory.

    What the job's own arguments say is not said again by those of the command.
    """
    words = [*_started(job, script), *job.args]
    for what, value in passed.given.items():
        if what in job.takes and not _says(job, what):
            words += [job.takes[what], str(value)]
    if "output_dir" in job.takes:
        words += [job.takes["output_dir"], OUTPUT_DIR]
    return [*words, *passed.extra]


def _says(job: TrainingJob, what: str) -> bool:
    """Return whether the job's own arguments hold this flag, in any spelling."""
    flags = {f"--{name}" for name in (what, *SPELLINGS[what])}
    return any(word.partition("=")[0] in flags for word in job.args)


def _started(job: TrainingJob, script: str) -> list[str]:
    if job.module:
        return [PYTHON, "-m", job.module]
    if not script.endswith(".py"):
        return [script if script.startswith("/") else f"./{script}"]
    # A name that begins with a dash would be an option of the interpreter.
    return [PYTHON, f"./{script}" if script.startswith("-") else script]


def shown_words(argv: Sequence[str], output: str) -> list[str]:
    """Return the words of a command as one could give them; `output` is where the results come to lie."""
    words = {PYTHON: "python", OUTPUT_DIR: output}
    return [words.get(word, word) for word in argv]


def shown_command(argv: Sequence[str], output: str) -> str:
    """Return a command as the user could give it to a shell."""
    return shlex.join(shown_words(argv, output))


def parameters_of(argv: Sequence[str]) -> dict[str, Any]:
    """Return what the flags of a command say, by their names; a flag alone is true, one given twice a list.

    Words like `lr=0.1` count as flags; words that belong to none are left out.
    """
    found: dict[str, list[str]] = {}
    name = ""
    for word in argv[3:] if argv[1:2] == ["-m"] else argv[1:]:
        head, equals, value = word.partition("=")
        if _is_flag(word) or (equals and _NAMED.fullmatch(head)):
            name = head.lstrip("-")
            values = found.setdefault(name, [])
            values += [value] if equals else []
        elif name:
            found[name].append(word)
    return {name: _parameter(values) for name, values in found.items()}


def _is_flag(word: str) -> bool:
    return word.startswith("-") and word.strip("-") != "" and isinstance(_value(word), str)


def _parameter(values: Sequence[str]) -> Any:
    if not values:
        return True
    return _value(values[0]) if len(values) == 1 else [_value(value) for value in values]


def _value(text: str) -> Any:
    """Return a number, true, false or null for a word that is one, else the word."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return value if value is None or (isinstance(value, (int, float)) and math.isfinite(value)) else text


def not_passed(job: TrainingJob, passed: Passed) -> tuple[str, ...]:
    """Return what the user gave and this script does not take, e.g. `folds`."""
    return tuple(what for what in passed.given if what not in job.takes and not _says(job, what))
