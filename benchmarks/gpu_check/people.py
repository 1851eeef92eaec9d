"""Steps of people's models, stacked: recorded as one launch, beside the same steps launched one by one.

Twelve `cnn` on windows of 6 channels and 3,000 samples, and 72 `mlp` on windows of 43 numbers.  Weights must
agree after the same steps.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import dataclass

import torch
from torch import Tensor

from trainers.common.cuda_graphs import CudaRecorder, Recorder, Step
from trainers.common.devices import resolve_device
from trainers.personalization.data import Windows
from trainers.personalization.fitting.courses import Progress, Schedule, Trainee
from trainers.personalization.fitting.moments import Moments
from trainers.personalization.fitting.stack import Stack
from trainers.personalization.networks import NetworkSpec
from trainers.personalization.sampling import training_set

BATCH = 64
CLOSE = 1e-2
"""How far weights may be apart: on a GPU sums are not always taken in one order."""


@dataclass(frozen=True)
class Kind:
    """Networks of one shape."""

    name: str
    channels: int
    samples: int
    networks: int
    steps: int
    """Of an epoch."""


FULL = (Kind("cnn", 6, 3000, 12, 30), Kind("mlp", 1, 43, 72, 30))
SMALL = (Kind("cnn", 2, 16, 2, 6), Kind("mlp", 1, 8, 4, 6))


class Called:
    """Stands for a recorder where there is no GPU: what is recorded is called."""

    def aside(self, step: Step) -> None:
        """Take a step."""
        step()

    def record(self, step: Step) -> Step:
        """Return the step."""
        return step


def stack(kind: Kind, device: torch.device, recorder: Recorder | None) -> Stack:
    """Return networks before their first step: the same ones with a recorder and without."""
    spec = NetworkSpec(kind.name, kind.channels, kind.samples, 4, 0.2, (32, 64), 5, (128, 128), "raw")
    torch.manual_seed(0)
    trainees = [_trainee(spec, kind.steps, seed, device) for seed in range(kind.networks)]
    return Stack(trainees, [Moments.of(one.network) for one in trainees], recorder)


def _trainee(spec: NetworkSpec, steps: int, seed: int, device: torch.device) -> Trainee:
    labels = torch.arange(2 * BATCH) % spec.n_classes
    X = torch.randn(len(labels), spec.n_channels, spec.window_size) + labels[:, None, None]
    windows = Windows(X.to(device), labels.to(device))
    train = training_set(windows, None, BATCH, None, steps)
    schedule = Schedule("target", 100, 100, 1e-3, seed, None, cosine=True, label_smoothing=0.1, average=0.98)
    return Trainee(spec.build().to(device), train, windows, schedule, lambda *_, **__: None)


def seconds_an_epoch(trained: Stack, epochs: int) -> tuple[float, Tensor]:
    """Return how long an epoch takes once all is warm, and the weights after it."""
    count = len(trained.trainees)
    device = trained.rows.values.device
    for epoch in range(epochs + 1):
        if epoch == 1:
            _wait(device)
            begin = time.perf_counter()
        trained.epoch([Progress(epoch=epoch) for _ in range(count)], [False] * count)
    _wait(device)
    return (time.perf_counter() - begin) / epochs, trained.rows.averages


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def figures(kind: Kind, device: torch.device, epochs: int) -> dict[str, float]:
    """Return the milliseconds of a step both ways; AssertionError where weights are far apart."""
    recorder = CudaRecorder(device) if device.type == "cuda" else Called()
    plain, expected = seconds_an_epoch(stack(kind, device, None), epochs)
    recorded, found = seconds_an_epoch(stack(kind, device, recorder), epochs)
    apart = float((found - expected).abs().max())
    assert apart < CLOSE, f"{kind.name}: weights of recorded steps are {apart:.2g} off"
    return {
        f"{kind.name}: a step of {kind.networks}, ms": 1000 * recorded / kind.steps,
        f"{kind.name}: launched over recorded": plain / recorded,
        f"{kind.name}: weights apart": apart,
    }


def main() -> int:
    """Measure, and print one JSON object."""
    parser = argparse.ArgumentParser("python -m benchmarks.gpu_check.people", description=__doc__)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--small", action="store_true")
    asked = parser.parse_args()
    device = resolve_device(asked.device)
    found: dict[str, float] = {}
    for kind in SMALL if asked.small else FULL:
        found |= figures(kind, device, 1 if asked.small else 8)
    print(json.dumps({"figures": found}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
