"""Columns that are moved at once move as they would in runs."""

from __future__ import annotations

import torch

from trainers.probes.fitting.adamw import StackedAdamW, runs_of
from trainers.probes.fitting.device.adamw import DeviceAdamW
from trainers.probes.fitting.device.arithmetic import PlainArithmetic
from trainers.probes.fitting.stacked import take
from trainers.probes.settings import Variant


def drawn(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def test_every_column_has_its_rate_and_decay_also_after_others_were_cut_out() -> None:
    slow, fast = Variant(1e-3, 0.0), Variant(1e-2, 0.1)
    runs = runs_of([slow, slow, fast])
    ours, theirs = ({"w": drawn(3, 2, 4), "b": drawn(3, 2, seed=1)} for _ in range(2))
    mine, stacked = DeviceAdamW(ours, runs, PlainArithmetic()), StackedAdamW(theirs, runs)
    rates = [slow.lr, fast.lr]
    for step in range(6):
        if step == 3:
            going, runs = torch.tensor([0, 2]), runs_of([slow, fast])
            ours, theirs = take(ours, going), take(theirs, going)
            mine.keep(going, ours, runs)
            stacked.keep(going, theirs, runs)
            rates = [0.5, 0.25]
        gradients = {name: drawn(*value.shape, seed=step) for name, value in ours.items()}
        mine.step(gradients, mine.rates(rates))
        stacked.step(gradients, stacked.rates(rates))
        for name, value in ours.items():
            torch.testing.assert_close(value, theirs[name], rtol=0, atol=1e-14)


def test_rates_stay_where_they_are() -> None:
    optimiser = DeviceAdamW({"w": drawn(2, 3)}, runs_of([Variant(0.1, 0.0)] * 2), PlainArithmetic())
    first = optimiser.rates([0.1])
    assert optimiser.rates([0.2]) is first and first.tolist() == [0.2, 0.2]
