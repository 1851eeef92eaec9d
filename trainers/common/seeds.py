"""Randomness that is the same whatever else is trained beside it, or was trained before."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import torch

_seeding = threading.Lock()


def derive_seed(seed: int, purpose: str, epoch: int) -> int:
    """Return the number that starts all randomness of one epoch, so that a resumed run draws the same."""
    digest = hashlib.sha256(f"{seed} {purpose} {epoch}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Let what draws from the global generator of the CPU draw from `seed`, and leave it as it was.

    One thread at a time: there is only one such generator.
    """
    with _seeding, torch.random.fork_rng(devices=[]):
        # Not torch.manual_seed, which looks for accelerators and formats the stack for each that is asleep.
        torch.default_generator.manual_seed(seed)
        yield
