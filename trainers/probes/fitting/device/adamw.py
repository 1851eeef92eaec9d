"""AdamW with a rate and a decay of its own for every column, all of them moved at once."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from trainers.probes.fitting.adamw import Run
from trainers.probes.fitting.device.arithmetic import BETAS, Arithmetic, Moving
from trainers.probes.fitting.stacked import Parameters, take


class DeviceAdamW:
    """As `StackedAdamW`; what changes from step to step lies where a recorded step reads it."""

    def __init__(self, parameters: Parameters, runs: Sequence[Run], arithmetic: Arithmetic) -> None:
        self._arithmetic = arithmetic
        first = next(iter(parameters.values()))
        self._device, self._dtype = first.device, first.dtype
        self._first = {name: torch.zeros_like(value) for name, value in parameters.items()}
        self._second = {name: torch.zeros_like(value) for name, value in parameters.items()}
        self._powers = torch.ones(2, dtype=torch.float64, device=self._device)
        self._betas = torch.tensor(BETAS, dtype=torch.float64, device=self._device)
        self._select(parameters, runs)

    def rates(self, lrs: Sequence[float]) -> Tensor:
        """Put the rate of each run where steps read it, and return those of all columns [C]."""
        return self._rates.copy_(torch.tensor(self._of_columns(lrs), dtype=torch.float64))

    @torch.no_grad()
    def step(self, gradients: Parameters, rates: object) -> None:
        """Take one step with the rates that `rates` returned."""
        assert rates is self._rates
        self._powers.mul_(self._betas)
        for name, moving in self._moving.items():
            self._arithmetic.move(moving, gradients[name].reshape(moving.values.shape))

    def keep(self, columns: Tensor, parameters: Parameters, runs: Sequence[Run]) -> None:
        """Go on with the columns at the given places only, whose values are now `parameters`."""
        self._first, self._second = take(self._first, columns), take(self._second, columns)
        self._select(parameters, runs)

    def _select(self, parameters: Parameters, runs: Sequence[Run]) -> None:
        self._runs = list(runs)
        decays = [
            run.variant.weight_decay for run in runs for _ in range(run.columns.stop - run.columns.start)
        ]
        self._decays = torch.tensor(decays, dtype=self._dtype, device=self._device)
        self._rates = torch.zeros_like(self._decays)
        self._moving = {name: self._movable(name, value) for name, value in parameters.items()}

    def _of_columns(self, of_runs: Sequence[float]) -> list[float]:
        sizes = [run.columns.stop - run.columns.start for run in self._runs]
        return [value for value, size in zip(of_runs, sizes, strict=True) for _ in range(size)]

    def _movable(self, name: str, value: Tensor) -> Moving:
        columns = len(value)
        every = (value.detach(), self._first[name], self._second[name])
        values, first, second = (one.view(columns, one.numel() // max(1, columns)) for one in every)
        return Moving(values, first, second, self._rates, self._decays, self._powers)
