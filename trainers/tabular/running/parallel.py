"""Models on several devices at once: a process for each device, and what became of every one of them."""

from __future__ import annotations

import contextlib
import multiprocessing
import sys
import threading
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess

import torch

from trainers.common.errors import TrainerError

COSTS: Mapping[str, float] = {
    "transformer": 10,
    "tabular_transformer": 10,
    "ft_transformer": 12,
    "tabm": 6,
    "realmlp": 2,
    "mlp": 1,
}
"""About how much longer one model takes than another."""
LOOK_S = 0.2
"""How often it is asked whether to go on: meanwhile nothing interrupts the wait for a process."""

Say = Callable[[str], None]
Work = Callable[[Sequence[str], torch.device, Say], None]
"""Trains models one after the other on a device, and tells how it goes."""


@dataclass(frozen=True)
class Listener:
    """Who hears of the processes, and whether they are to go on."""

    say: Say
    may_go_on: Callable[[], None] = lambda: None
    """Raises a TrainerError where they are to end."""


def shared_out(names: Sequence[str], devices: Sequence[torch.device]) -> list[tuple[torch.device, list[str]]]:
    """Return the models of each device, those that take longest first; devices without any are left out."""
    loads = [0.0] * len(devices)
    shares: list[list[str]] = [[] for _ in devices]
    for name in sorted(names, key=lambda one: -COSTS.get(one, 1)):
        place = loads.index(min(loads))
        loads[place] += COSTS.get(name, 1)
        shares[place].append(name)
    return [(device, share) for device, share in zip(devices, shares, strict=True) if share]


def train_apart(
    shares: Sequence[tuple[torch.device, Sequence[str]]],
    work: Work,
    listener: Listener,
    meanwhile: Callable[[], None],
) -> None:
    """Train the models of each device in a process of its own, and do what needs no device meanwhile.

    `work` can be pickled.  Raises TrainerError, after all others have ended, where a process failed.
    """
    processes: list[BaseProcess] = []
    ears: list[threading.Thread] = []
    try:
        for device, share in shares:
            process, ear = _started(share, device, work, listener.say)
            processes.append(process)
            ears.append(ear)
        meanwhile()
        for process in processes:
            while process.is_alive():
                listener.may_go_on()
                process.join(LOOK_S)
    finally:
        for process in processes:
            if process.is_alive():
                process.terminate()
                process.join()
        for ear in ears:
            ear.join()
    failed = [f"{process.name}: exit code {process.exitcode}" for process in processes if process.exitcode]
    if failed:
        raise TrainerError(f"not all models were trained: {'; '.join(failed)}; the others are kept")


def _started(
    share: Sequence[str], device: torch.device, work: Work, say: Say
) -> tuple[BaseProcess, threading.Thread]:
    """Return a process, and the thread that passes on what it tells."""
    # A CUDA context does not survive a fork.
    context = multiprocessing.get_context("spawn")
    heard, told = context.Pipe(duplex=False)
    name = f"{device} ({', '.join(share)})"
    process = context.Process(target=_apart, args=(work, share, device, told), name=name)
    process.start()
    told.close()  # so that the pipe ends with the process
    ear = threading.Thread(target=_pass_on, args=(heard, say), daemon=True)
    ear.start()
    return process, ear


def _apart(work: Work, share: Sequence[str], device: torch.device, told: Connection) -> None:
    """Do the work in its process; what ends it early is told as well."""
    try:
        work(share, device, told.send)
    except TrainerError as error:
        told.send(str(error))
        sys.exit(error.exit_code)
    except Exception:
        told.send(traceback.format_exc().rstrip())
        sys.exit(1)


def _pass_on(heard: Connection, say: Say) -> None:
    """Say all that is heard until nobody is left to tell; a log that takes no more stops nobody."""
    with heard, contextlib.suppress(EOFError):
        while True:
            line = heard.recv()
            with contextlib.suppress(OSError):
                say(line)
