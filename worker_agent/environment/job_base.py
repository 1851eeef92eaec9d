"""What all jobs of this machine start from: an environment and an interpreter."""

from __future__ import annotations

import shutil
import sys
from dataclasses import dataclass
from typing import Mapping, Optional

from worker_agent.attempts.invocation import base_environment
from worker_agent.environment.setup_run import run_setup
from worker_agent.environment.setup_script import SetUp
from worker_agent.protocol.messages import Settings


@dataclass(frozen=True)
class JobBase:
    """Environment and interpreter, before what is a slot's or an attempt's."""

    env: Mapping[str, str]
    python: str


def plain_base(settings: Settings, inherited: Mapping[str, str]) -> JobBase:
    """Return what jobs start from where no `setup` has been run."""
    return JobBase(base_environment(inherited, settings.env), sys.executable)


def job_base(settings: Settings, inherited: Mapping[str, str]) -> JobBase:
    """Return what jobs start from under these settings; runs their `setup`.  Raises SetupError."""
    plain = plain_base(settings, inherited)
    if not settings.setup:
        return plain
    made = run_setup(settings.setup, plain.env)
    return JobBase(base_environment(made.env, {}), interpreter_of(made, plain.python))


def interpreter_of(made: SetUp, own: str) -> str:
    """Return the Python that `setup` has activated, to which `PATH` did not lead before; else `own`."""
    for name in ("python", "python3"):
        found = _which(name, made.env.get("PATH"))
        if found and found != _which(name, made.path_before):
            return found
    return own


def _which(name: str, path: Optional[str]) -> Optional[str]:
    return shutil.which(name, path=path or "")
