"""Raw windows of made-up people from a public generator: pulse and breath in five states of the body.

Needs `pip install neurokit2`, whose simulators draw the signals.  Each person has a pulse, a breath and an
amplitude at rest of its own, so that one's walking looks like another's rest.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

Array = NDArray[Any]
RATE = 25
"""Samples a second."""
SECONDS = 8
SAMPLES = RATE * SECONDS
"""Of a window."""
STATES = ((1.0, 1.0), (1.12, 1.05), (1.35, 1.3), (1.7, 1.8), (1.0, 0.6))
"""Pulse and breath in each state, as multiples of those at rest."""
PARTS = {"train": 12, "val": 4, "test": 8}
"""Windows of each state."""


class Missing(Exception):
    """Something to install; the message says what."""


def write(folder: Path, count: int) -> list[str]:
    """Write the files of so many people as `python -m twophase personalization` reads them; return the names.

    Raises Missing where the generator is not installed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    names = [f"p{number:02d}" for number in range(1, count + 1)]
    for number, name in enumerate(names):
        chance = np.random.default_rng(number)
        body = chance.normal(65, 9), chance.normal(15, 2.5), chance.uniform(0.7, 1.4)
        for part, each in PARTS.items():
            pairs = [
                (window, state)
                for state, load in enumerate(STATES)
                for window in windows(body, load, each, chance)
            ]
            X, y = zip(*pairs, strict=True)
            values = torch.from_numpy(np.stack(X).astype("float32")), torch.tensor(y)
            torch.save(values, folder / f"{name}_{part}.pt")
    return names


def windows(
    body: tuple[float, float, float], load: tuple[float, float], count: int, chance: np.random.Generator
) -> Iterator[Array]:
    """Yield windows [2, T] of a body (pulse, breath, amplitude at rest) under a load."""
    try:
        import neurokit2
    except ImportError as error:
        raise Missing(f"{error}: pip install neurokit2") from error
    pulse, breath, amplitude = body
    for _ in range(count):
        seed = int(chance.integers(2**31))
        wobble = chance.normal(1, 0.06, size=2)
        common = {"duration": SECONDS, "sampling_rate": RATE, "random_state": seed}
        beats = neurokit2.ppg_simulate(
            heart_rate=pulse * load[0] * wobble[0], random_state_distort=seed, **common
        )
        # The other method of this simulator makes whole breaths only, fewer samples than asked for.
        air = neurokit2.rsp_simulate(
            respiratory_rate=breath * load[1] * wobble[1], noise=0.05, method="sinusoidal", **common
        )
        yield np.stack([amplitude * beats, air])
