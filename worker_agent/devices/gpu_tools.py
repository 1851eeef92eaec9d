"""Asks `nvidia-smi`, or `rocm-smi` where there is no other, within a time limit."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import List, Optional, Sequence, Tuple

from worker_agent.devices.gpus import (
    APP_FIELDS,
    GPU_FIELDS,
    Gpu,
    GpuError,
    Reading,
    parse_apps,
    parse_gpus,
    parse_rocm,
)
from worker_agent.devices.lent_gpus import lent
from worker_agent.system.subprocesses import kill_and_leave

_LIMIT_S = 15.0
"""Less than a master waits for an answer, more than a driver needs that has to wake eight GPUs up."""
_NO_DEVICES = "No devices were found"
_EXIT = "exit code "

# The agent reaps every child that ends, whoever waits for it: the exit code has to come with the text.
_SHELL = f'"$@"; printf "\\n{_EXIT}%d\\n" $?'


def limit_s() -> float:
    """Return how long a tool may take."""
    return float(os.environ.get("TWOPHASE_GPU_QUERY_S") or _LIMIT_S)


def read_gpus() -> Optional[Reading]:
    """Return what the machine's tool tells, None where there is no tool.  Raises GpuError.

    In an allocation that is only of GPUs that are lent to it: not every cluster hides the others.
    """
    reading = _read()
    return lent(reading, os.environ) if reading else None


def _read() -> Optional[Reading]:
    if shutil.which("nvidia-smi"):
        return _nvidia()
    if shutil.which("rocm-smi"):
        code, text = _ask(["rocm-smi", "--showproductname", "--showmeminfo", "vram", "--showuse", "--json"])
        if code != 0:
            raise GpuError(f"rocm-smi failed (exit code {code}): {_brief(text)}")
        return Reading("rocm-smi", tuple(parse_rocm(text)))
    return None


def _nvidia() -> Reading:
    code, text = _query("gpu", GPU_FIELDS)
    if code == 2:
        # Drivers from before MIG do not know its field.
        code, text = _query("gpu", GPU_FIELDS[:-1])
    gpus: Tuple[Gpu, ...] = tuple(parse_gpus(text))
    if not gpus and _NO_DEVICES not in text:
        raise GpuError(f"nvidia-smi failed (exit code {code}): {_brief(text)}")
    _, apps = _query("compute-apps", APP_FIELDS) if gpus else (0, "")
    return Reading("nvidia-smi", gpus, tuple(parse_apps(apps)))


def _query(what: str, fields: Sequence[str]) -> Tuple[int, str]:
    return _ask(["nvidia-smi", f"--query-{what}={','.join(fields)}", "--format=csv,noheader,nounits"])


def _brief(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return " ".join(lines)[:300] or "it said nothing"


def _ask(argv: List[str]) -> Tuple[int, str]:
    """Return exit code and output.  Raises GpuError for a tool that does not answer in time."""
    process = _start(argv)
    try:
        output, _ = process.communicate(timeout=limit_s())
    except subprocess.TimeoutExpired as error:
        kill_and_leave(process)
        raise GpuError(f"{argv[0]} does not answer within {limit_s():g} s") from error
    text, _, code = output.decode("utf-8", "replace").rpartition(_EXIT)
    return (int(code), text) if code.strip().isdigit() else (1, text + code)


def _start(argv: List[str]) -> "subprocess.Popen[bytes]":
    try:
        return subprocess.Popen(
            ["/bin/sh", "-c", _SHELL, "sh", *argv],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    except OSError as error:
        raise GpuError(f"{argv[0]} cannot be started: {error.strerror}") from error
