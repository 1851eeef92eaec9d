"""AdamW over stacked parameters, with a learning rate and a decay of its own for every run of columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

import torch
from torch import Tensor
from torch.optim.adamw import adamw

from trainers.probes.fitting.stacked import Parameters, take
from trainers.probes.settings import Variant


@dataclass(frozen=True)
class Run:
    """Columns side by side that are trained under the same hyperparameters."""

    columns: slice
    variant: Variant


def runs_of(variants: Sequence[Variant]) -> list[Run]:
    """Return the runs of columns that are trained under the given variants, one a column."""
    runs, start = [], 0
    for variant, group in groupby(variants):
        stop = start + len(list(group))
        runs.append(Run(slice(start, stop), variant))
        start = stop
    return runs


class StackedAdamW:
    """Updates parameters in place as torch.optim.AdamW would update each column alone.

    A column cannot be frozen by zero gradients: its moments and its decay still move it.  A column that is
    done must be left out of `keep`.
    """

    def __init__(self, parameters: Parameters, runs: Sequence[Run]) -> None:
        self._first = {name: torch.zeros_like(value) for name, value in parameters.items()}
        self._second = {name: torch.zeros_like(value) for name, value in parameters.items()}
        self._steps = 0
        self._select(parameters, runs)

    def rates(self, lrs: Sequence[float]) -> Sequence[float]:
        """Return what `step` is to be given for learning rates of the runs."""
        return lrs

    @torch.no_grad()
    def step(self, gradients: Parameters, lrs: Sequence[float]) -> None:
        """Take one step with a learning rate for each run."""
        self._steps += 1
        for (run, values, first, second, steps), lr in zip(self._parts, lrs, strict=True):
            adamw(
                values,
                [gradients[name][run.columns].contiguous() for name in self._first],
                first,
                second,
                [],
                steps,
                fused=True,
                amsgrad=False,
                beta1=0.9,
                beta2=0.999,
                lr=lr,
                weight_decay=run.variant.weight_decay,
                eps=1e-8,
                maximize=False,
            )

    def keep(self, columns: Tensor, parameters: Parameters, runs: Sequence[Run]) -> None:
        """Go on with the columns at the given places only, whose values are now `parameters`."""
        self._first = take(self._first, columns)
        self._second = take(self._second, columns)
        self._select(parameters, runs)

    def _select(self, parameters: Parameters, runs: Sequence[Run]) -> None:
        values = {name: value.detach() for name, value in parameters.items()}
        self._parts = [
            (run, _cut(values, run), _cut(self._first, run), _cut(self._second, run), self._counts(values))
            for run in runs
        ]

    def _counts(self, values: Parameters) -> list[Tensor]:
        # Of its own for every parameter, as each is counted up by its update.
        return [torch.tensor(float(self._steps), device=value.device) for value in values.values()]


def _cut(state: Parameters, run: Run) -> list[Tensor]:
    return [value[run.columns] for value in state.values()]
