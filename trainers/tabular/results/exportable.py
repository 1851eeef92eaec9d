"""A model as one network from raw columns to predictions, of plain operations that exported formats have.

`torch.searchsorted` is not among those; ranks are found by halving here.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from trainers.tabular.data.dataset import Problem
from trainers.tabular.data.inputs import InputStatistics
from trainers.tabular.data.targets import TargetStatistics
from trainers.tabular.models.registry import load
from trainers.tabular.models.tabm import Tabm
from trainers.tabular.results.normal import normal_quantile
from trainers.tabular.results.saved import SavedModel
from trainers.tabular.results.surrogate import class_probabilities

# As tensors: numbers would be written to exported files in the accuracy of float32.
_LEAST, _MOST = (torch.tensor(end, dtype=torch.float64) for end in (1e-7, 1 - 1e-7))
"""Between what the probability of an input is kept, as its statistics do."""


class ExportableModel(nn.Module):
    """All members with what prepares their rows and turns their outputs back.

    (numeric float32 [N, F] with NaN for missing, categories int64 [N, C] with 0 for missing or unknown) →
    of a regression mean and spread [N, T] (and how likely there are targets [N]), else probabilities [N, K].
    """

    def __init__(self, model: SavedModel) -> None:
        super().__init__()
        self.problem = model.spec.problem
        self.temperature = model.calibration.temperature
        self.folds = [member.fold for member in model.members]
        self.inputs = nn.ModuleList(PreparedInputs(one.inputs) for one in model.statistics)
        self.networks = nn.ModuleList(
            _traceable(load(model.spec, one.state).float()) for one in model.members
        )
        targets = [one.targets for one in model.statistics if one.targets is not None]
        self.targets = nn.ModuleList(RestoredTargets(one) for one in targets)
        self.eval()

    def forward(self, numeric: Tensor, categories: Tensor) -> tuple[Tensor, ...]:
        """Return what the class says."""
        prepared = [inputs(numeric) for inputs in self.inputs]
        raw = [
            network(prepared[fold], categories)
            for network, fold in zip(self.networks, self.folds, strict=True)
        ]
        if self.problem.kind != "regression":
            return (_tempered(raw, self.problem, self.temperature),)
        columns = len(self.problem.targets)
        values = torch.stack(
            [self.targets[fold](one[:, :columns]) for one, fold in zip(raw, self.folds, strict=True)]
        )
        mean, spread = values.mean(0), _spread(values)
        if not self.problem.viability:
            return mean, spread
        return mean, spread, torch.stack([one[:, -1].sigmoid() for one in raw]).mean(0)


class PreparedInputs(nn.Module):
    """Numeric columns as the networks get them; equal to `InputStatistics.apply`."""

    fill: Tensor
    shift: Tensor
    factor: Tensor
    quantiles_FQ: Tensor

    def __init__(self, statistics: InputStatistics) -> None:
        super().__init__()
        self.kind = statistics.kind
        self.register_buffer("fill", statistics.fill)
        self.register_buffer("shift", statistics.shift)
        self.register_buffer("factor", statistics.factor)
        self.register_buffer("quantiles_FQ", statistics.quantiles.T.contiguous())

    def forward(self, numeric: Tensor) -> Tensor:
        """Return [N, F] float32 without NaN."""
        x = numeric.double()
        x = torch.where(x.isnan(), self.fill, x)
        if self.kind == "quantile":
            return normal_quantile(_inner(_probability(x, self.quantiles_FQ))).float()
        x = (x - self.shift) * self.factor
        return (x / (1 + (x / 3) ** 2).sqrt() if self.kind == "robust" else x).float()


class RestoredTargets(nn.Module):
    """Outputs in the targets' units; equal to `TargetStatistics.invert`."""

    scale: Tensor
    shift: Tensor
    spread: Tensor

    def __init__(self, statistics: TargetStatistics) -> None:
        super().__init__()
        self.transforms = statistics.transforms
        self.register_buffer("scale", statistics.scale)
        self.register_buffer("shift", statistics.shift)
        self.register_buffer("spread", statistics.spread)
        self.quantiles = nn.ParameterList(
            nn.Parameter(one[None], requires_grad=False) for one in statistics.quantiles
        )

    def forward(self, predicted: Tensor) -> Tensor:
        """Return [N, T] float64."""
        plain = predicted.double() * self.spread + self.shift
        return torch.stack([self._restored(at, plain[:, at]) for at in range(len(self.transforms))], -1)

    def _restored(self, at: int, column: Tensor) -> Tensor:
        kind = self.transforms[at]
        if kind == "log":
            return column.exp()
        if kind == "asinh":
            return (column.exp() - (-column).exp()) / 2 * self.scale[at]
        if kind == "quantile":
            probability = (1 + torch.erf((column / math.sqrt(2)).float()).double()) / 2
            return _at_probability(probability[:, None], self.quantiles[at])[:, 0]
        return column


def _traceable(network: nn.Module) -> nn.Module:
    """Return the network; that of `tabm` changed where exported formats cannot follow it."""
    if isinstance(network, Tabm):
        # The package takes `len`, which becomes a constant when it is traced.
        network.inner._get_batch_info = _batch_info  # type: ignore[assignment]
        if network.inner.cat_module is not None:
            network.inner.cat_module = _AsAmounts(network.inner.cat_module)  # type: ignore[arg-type]
    return network


class _AsAmounts(nn.Module):
    """Zeros and ones of a category as float32: ONNX does not join them to amounts as they are."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, categories: Tensor) -> Tensor:
        """Return what the inner module does, as float32."""
        return self.inner(categories).float()


def _batch_info(numeric: Tensor | None, categories: Tensor | None) -> tuple[int, int]:
    x = categories if numeric is None else numeric
    assert x is not None
    return x.shape[0], x.ndim


def _tempered(raw: Sequence[Tensor], problem: Problem, temperature: float) -> Tensor:
    mean = torch.stack([class_probabilities(one.double(), problem) for one in raw]).mean(0)
    return (mean.clamp(min=1e-12).log() / temperature).softmax(-1)


def _spread(values_MNT: Tensor) -> Tensor:
    """Return the standard deviation over members; 0 for one."""
    return (((values_MNT - values_MNT.mean(0)) ** 2).sum(0) / max(1, len(values_MNT) - 1)).sqrt()


def _probability(x_NF: Tensor, quantiles_FQ: Tensor) -> Tensor:
    """Return where values lie among the quantiles, from 0 to 1; the middle of a run of equal ones."""
    steps = quantiles_FQ.shape[1] - 1
    below, above = _rank(x_NF, quantiles_FQ, equal=False), _rank(x_NF, quantiles_FQ, equal=True)
    first, last = (below - 1).clamp(0, steps), above.clamp(0, steps)
    low, high = _taken(quantiles_FQ, first), _taken(quantiles_FQ, last)
    between = (x_NF - low) / torch.where(high > low, high - low, 1.0)
    inside = (first + between * (last - first)) / max(1, steps)
    middle = (below + above - 1) / 2 / max(1, steps)
    found = torch.where(above > below, middle, inside)
    found = torch.where(x_NF <= quantiles_FQ[:, 0], 0.0, found)
    return torch.where(x_NF >= quantiles_FQ[:, -1], 1.0, found)


def _inner(probability: Tensor) -> Tensor:
    return torch.minimum(torch.maximum(probability, _LEAST), _MOST)


def _at_probability(p_NF: Tensor, quantiles_FQ: Tensor) -> Tensor:
    """Return the values that lie at probabilities among the quantiles."""
    steps = quantiles_FQ.shape[1] - 1
    place = p_NF.clamp(0, 1) * steps
    first = place.floor().long().clamp(0, max(0, steps - 1))
    low, high = _taken(quantiles_FQ, first), _taken(quantiles_FQ, (first + 1).clamp(max=steps))
    return low + (place - first) * (high - low)


def _rank(x_NF: Tensor, quantiles_FQ: Tensor, *, equal: bool) -> Tensor:
    """Return how many quantiles are below each value (or equal to it), by halving: [N, F] int64."""
    count = quantiles_FQ.shape[1]
    low = torch.zeros_like(x_NF, dtype=torch.int64)
    for power in reversed(range(count.bit_length())):
        tried = low + (1 << power)
        value = _taken(quantiles_FQ, (tried - 1).clamp(max=count - 1))
        passed = (value <= x_NF) if equal else (value < x_NF)
        low = torch.where(passed & (tried <= count), tried, low)
    return low


def _taken(quantiles_FQ: Tensor, place_NF: Tensor) -> Tensor:
    return torch.gather(quantiles_FQ, 1, place_NF.T).T
