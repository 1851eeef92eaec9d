"""Models on several devices at once: a process for each device, and what became of every one of them."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Mapping, Sequence

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
Work = Callable[[Sequence[str], torch.device], None]
"""Trains models one after the other on a device."""


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
    shares: Sequence[tuple[torch.device, Sequence[str]]], work: Work, meanwhile: Callable[[], None]
) -> None:
    """Train the models of each device in a process of its own, and do what needs no device meanwhile.

    `work` can be pickled.  Raises TrainerError, after all others have ended, where a process failed.
    """
    # A CUDA context does not survive a fork.
    context = multiprocessing.get_context("spawn")
    processes = [
        context.Process(target=work, args=(share, device), name=f"{device} ({', '.join(share)})")
        for device, share in shares
    ]
    try:
        for process in processes:
            process.start()
        meanwhile()
        for process in processes:
            process.join()
    finally:
        for process in processes:
            if process.is_alive():
                process.terminate()
                process.join()
    failed = [f"{process.name}: exit code {process.exitcode}" for process in processes if process.exitcode]
    if failed:
        raise TrainerError(f"not all models were trained: {'; '.join(failed)}; the others are kept")
