"""The contract between the agent and a training script.

The agent sets the environment variables below and starts the script with the job's fields as flags.
A script reads them with `ScriptContract.from_environ()`; one that knows nothing of them may instead
write `experiments/…` below its working directory.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import List, Mapping, Optional, Sequence, Union

JOB_ID = "TWOPHASE_JOB_ID"
ATTEMPT = "TWOPHASE_ATTEMPT"
PHASE = "TWOPHASE_PHASE"
BASE_MODEL_HASH = "TWOPHASE_BASE_MODEL_HASH"
BASE_MODEL_DIR = "TWOPHASE_BASE_MODEL_DIR"
PARENT_MODEL_DIR = "TWOPHASE_PARENT_MODEL_DIR"
RESUME_MODEL_DIR = "TWOPHASE_RESUME_MODEL_DIR"
KEEP_STATE = "TWOPHASE_KEEP_STATE"
OUTPUT_DIR = "TWOPHASE_OUTPUT_DIR"
CHECKPOINT_DIR = "TWOPHASE_CHECKPOINT_DIR"
PROGRESS_FILE = "TWOPHASE_PROGRESS_FILE"

EXECUTORS = ("process", "warm", "resident", "inline")
"""A fresh process, a fork of one that has imported what the job needs, a part of one that runs many jobs of a
program, or a process in the foreground of the agent's terminal."""
DEFAULT_EXECUTOR, WARM, RESIDENT, INLINE = EXECUTORS
THREAD = "thread"
"""What `resident` was called before; still accepted."""


def executor_of_name(name: str) -> str:
    """Return the executor that a name stands for; a name that is none stays as it is."""
    return RESIDENT if name == THREAD else name


SCRIPT_MAIN = "twophase_main"
"""What a script offers that can be resident: a function of the words of its command line."""

EXIT_SUCCESS = 0
EXIT_REQUEUE = 75
"""A script that ends with this code (sysexits' EX_TEMPFAIL) asks for another try."""

MODE, BASE_ONLY = "mode", "base_only"
"""A field of every Phase 1 job, and its value."""

Scalar = Union[str, int, float, bool, None]


@dataclass(frozen=True)
class ScriptContract:
    """What a training script is told by the agent that started it."""

    job_id: str
    attempt: int
    phase: int
    """1 trains a base model, 2 runs an experiment."""
    base_model_hash: Optional[str]
    base_model_dir: Optional[Path]
    """Phase 1: where to write the base model.  Phase 2: where to read it; None if the job needs none."""
    output_dir: Path
    checkpoint_dir: Path
    """Survives to the next attempt at the same job."""
    progress_file: Path
    parent_model_dir: Optional[Path] = None
    """Phase 1: where to read the base model that this one starts from; None where it starts afresh."""
    resume_model_dir: Optional[Path] = None
    """Phase 1: where to read the base model whose training goes on here; None where none does."""
    keeps_state: bool = False
    """Phase 1: whether the state of the training belongs into the base model, for another to go on."""

    @classmethod
    def from_environ(cls, environ: Optional[Mapping[str, str]] = None) -> Optional["ScriptContract"]:
        """Return the contract, or None when the script was not started by an agent."""
        env = os.environ if environ is None else environ
        if JOB_ID not in env:
            return None
        base_dir, parent_dir = env.get(BASE_MODEL_DIR), env.get(PARENT_MODEL_DIR)
        resume_dir = env.get(RESUME_MODEL_DIR)
        return cls(
            job_id=env[JOB_ID],
            attempt=int(env[ATTEMPT]),
            phase=int(env[PHASE]),
            base_model_hash=env.get(BASE_MODEL_HASH),
            base_model_dir=Path(base_dir) if base_dir else None,
            output_dir=Path(env[OUTPUT_DIR]),
            checkpoint_dir=Path(env[CHECKPOINT_DIR]),
            progress_file=Path(env[PROGRESS_FILE]),
            parent_model_dir=Path(parent_dir) if parent_dir else None,
            resume_model_dir=Path(resume_dir) if resume_dir else None,
            keeps_state=env.get(KEEP_STATE) == "1",
        )

    def report_progress(self, epoch: int, epochs: int, **metrics: float) -> None:
        """Tell the live view that `epoch` of `epochs` is done, with any metrics of it."""
        line = json.dumps({"epoch": epoch, "epochs": epochs, "metrics": metrics})
        with self.progress_file.open("a", encoding="utf-8") as stream:
            stream.write(line + "\n")


def flags(config: Mapping[str, Union[Scalar, Sequence[Scalar]]]) -> List[str]:
    """Return the command-line flags for a job's fields, in their order.

    `true` gives `--name`, `false`, null and the empty list nothing, a list several values; a name that begins
    with `_` is not passed.  A value that begins with `-` is joined by `=` so that it is not taken for a flag.
    """
    argv: List[str] = []
    for name, value in config.items():
        if name.startswith("_") or value is None or value is False or value == []:
            continue
        if value is True:
            argv.append(f"--{name}")
        elif isinstance(value, (list, tuple)):
            argv += [f"--{name}", *(str(item) for item in value)]
        elif str(value).startswith("-"):
            argv.append(f"--{name}={value}")
        else:
            argv += [f"--{name}", str(value)]
    return argv
