"""What a job is started with: command and environment."""

from __future__ import annotations

import os
import shutil
import stat
from dataclasses import dataclass
from typing import Dict, List, Mapping, Optional, Sequence

from worker_agent.core.execution import StartError
from worker_agent.protocol import script_contract as contract
from worker_agent.protocol.layout import AttemptLayout
from worker_agent.protocol.messages import Launch

_CONTRACT = (
    *(contract.JOB_ID, contract.ATTEMPT, contract.PHASE, contract.BASE_MODEL_HASH, contract.BASE_MODEL_DIR),
    *(contract.PARENT_MODEL_DIR, contract.RESUME_MODEL_DIR, contract.KEEP_STATE),
    *(contract.OUTPUT_DIR, contract.CHECKPOINT_DIR, contract.PROGRESS_FILE),
)
_OF_THE_AGENT = ("SSH_", "SLURM", "SRUN_", "PMI")
_EXECUTABLE = 0o111
_THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS")


@dataclass(frozen=True)
class Places:
    """Where an attempt's files are."""

    attempt: AttemptLayout
    checkpoints: str
    base_model: Optional[str]
    """What the job starts from: the artefact in the cache."""


def base_environment(
    inherited: Mapping[str, str], extra: Mapping[str, str], threads_per_cpu_slot: int = 0
) -> Dict[str, str]:
    """Return what all jobs of a worker have in their environment: the agent's own and the settings'."""
    env = {name: value for name, value in inherited.items() if not _stays(name)}
    env["PYTHONUNBUFFERED"] = "1"
    env.update(extra)
    if threads_per_cpu_slot:
        for name in _THREADS:
            env.setdefault(name, str(threads_per_cpu_slot))
    return env


def _stays(name: str) -> bool:
    """Return whether a variable is about the agent's own process, or about an attempt.

    Libraries that find Slurm's take the job for one of its tasks, and wait for the others.
    """
    return name in _CONTRACT or name == "OLDPWD" or name.startswith(_OF_THE_AGENT)


def environment(
    base: Mapping[str, str], launch: Launch, gpu: Optional[str], places: Places
) -> Dict[str, str]:
    """Return the environment of one attempt; `gpu` is what CUDA calls its GPU, None for a CPU slot."""
    env = {**base, **launch.env}
    env["CUDA_VISIBLE_DEVICES"], env["CUDA_DEVICE_ORDER"] = gpu or "", "PCI_BUS_ID"
    env["PWD"] = places.attempt.work
    env[contract.JOB_ID] = launch.job_id
    env[contract.ATTEMPT] = str(launch.attempt)
    env[contract.PHASE] = str(launch.phase)
    env[contract.OUTPUT_DIR] = places.attempt.output
    env[contract.CHECKPOINT_DIR] = places.checkpoints
    env[contract.PROGRESS_FILE] = places.attempt.progress
    if launch.base_model_hash:
        env[contract.BASE_MODEL_HASH] = launch.base_model_hash
    if launch.phase == 1:
        env[contract.BASE_MODEL_DIR] = places.attempt.base_model
    if launch.keeps_state:
        env[contract.KEEP_STATE] = "1"
    if places.base_model is not None:
        env[_start(launch)] = places.base_model
    return env


def _start(launch: Launch) -> str:
    """Return the variable that names what a job starts from."""
    if launch.phase != 1:
        return contract.BASE_MODEL_DIR
    return contract.RESUME_MODEL_DIR if launch.resumes else contract.PARENT_MODEL_DIR


def mark_of(output: str) -> str:
    """Return the assignment that every process of an attempt, and no other, was started with."""
    return f"{contract.OUTPUT_DIR}={output}"


def command(
    argv: Sequence[str], gpu: Optional[str], python: str, attempt: AttemptLayout, search_path: str
) -> List[str]:
    """Return argv with an absolute path as its first word.  Raises StartError for an unknown program."""
    device = "cpu" if gpu is None else "cuda"
    words = {"{python}": python, "{device}": device, "{output_dir}": attempt.output}
    argv = [_filled_in(word, words) for word in argv]
    return [_program(argv[0], attempt.work, search_path), *argv[1:]]


def _filled_in(word: str, words: Mapping[str, str]) -> str:
    """Return a word of the command, or what stands for it here; `--device={device}` has one at its end."""
    name, equals, value = word.partition("=")
    return words.get(word) or (name + equals + words.get(value, value))


def _program(name: str, work: str, search_path: str) -> str:
    path = os.path.join(work, name)
    mode = _mode_of(path)
    if stat.S_ISREG(mode):
        if not mode & _EXECUTABLE:
            raise StartError(f"{name} is not executable: chmod +x it, or start it by its interpreter")
        return path
    found = shutil.which(name, path=search_path)
    if found is None:
        raise StartError(f"{name}: no such program in the working directory or on this worker's PATH")
    return found


def _mode_of(path: str) -> int:
    """Return the mode of a file, 0 where there is none."""
    try:
        return os.stat(path).st_mode
    except OSError:
        return 0
