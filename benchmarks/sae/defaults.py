"""Autoencoders in the benchmark of quality: our defaults, and what a user would write in twenty lines."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from benchmarks.sae.arm import HELD_OUT, activations, figures
from benchmarks.sae.ours import Ours

SIZES = {"features": 64, "latents": 512, "k": 16, "batch": 256, "steps": 600}
QUICK = {**SIZES, "steps": 150}
TOKENS = 20_000


@dataclass(frozen=True)
class Measured:
    """What one arm reached with one seed on held-out activations."""

    fvu: float
    l0: float
    dead_share: float
    seconds: float


class Plain(nn.Module):
    """Linear layers, the k largest latents, the mean squared error, and Adam."""

    def __init__(self, asked: argparse.Namespace, rate: float) -> None:
        super().__init__()
        self._k = asked.k
        self.encoder = nn.Linear(asked.features, asked.latents)
        self.decoder = nn.Linear(asked.latents, asked.features)
        self._optimizer = torch.optim.Adam(self.parameters(), lr=rate)

    def step(self, x_BD: Tensor) -> None:
        """Train on a batch."""
        self._optimizer.zero_grad()
        functional.mse_loss(self.decoder(self._latents(x_BD)), x_BD).backward()
        self._optimizer.step()

    @torch.no_grad()
    def codes(self, x_BD: Tensor) -> tuple[Tensor, Tensor]:
        """Return what it makes of a batch, and which latents are active."""
        z_BL = self._latents(x_BD)
        return self.decoder(z_BL), z_BL > 0

    def _latents(self, x_BD: Tensor) -> Tensor:
        values, places = self.encoder(x_BD).topk(self._k)
        return torch.zeros(len(x_BD), self.decoder.in_features).scatter(1, places, values.relu())


DEFAULT = "ours, recommended"
ARMS: dict[str, Callable[[argparse.Namespace], Ours | Plain]] = {
    DEFAULT: lambda asked: Ours("batchtopk", asked),
    "ours, TopK": lambda asked: Ours("topk", asked),
    "plain TopK, Adam 1e-3": lambda asked: Plain(asked, 1e-3),
    "plain TopK, Adam 4e-3": lambda asked: Plain(asked, 4e-3),
}


def measure(arm: str, seed: int, *, quick: bool) -> Measured:
    """Train one arm on made-up activations and return its figures."""
    asked = argparse.Namespace(**(QUICK if quick else SIZES), seed=seed, rate=None, device="cpu")
    x = activations(TOKENS, asked.features)
    held, kept = x.split([int(HELD_OUT * len(x)), len(x) - int(HELD_OUT * len(x))])
    torch.manual_seed(seed)
    built, generator = ARMS[arm](asked), torch.Generator().manual_seed(seed)
    started = time.perf_counter()
    for _ in range(asked.steps):
        built.step(kept[torch.randint(len(kept), (asked.batch,), generator=generator)])
    seconds = time.perf_counter() - started
    return Measured(**figures(built, held), seconds=seconds)
