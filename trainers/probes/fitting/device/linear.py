"""Linear probes as one matrix of weights on an accelerator: two products a step, summed in full precision."""

from __future__ import annotations

import torch
from torch import Tensor

from trainers.probes.fitting.device.arithmetic import Arithmetic, Logits
from trainers.probes.fitting.plan import Batch
from trainers.probes.fitting.stacked import Parameters


class DeviceLinear:
    """As `StackedLinear`, with nothing that a recorded step could not repeat."""

    def __init__(self, parameters: Parameters, arithmetic: Arithmetic) -> None:
        self.parameters, self._arithmetic = parameters, arithmetic
        self._weight_CD = parameters["linear.weight"][:, 0]
        self._bias_C = parameters["linear.bias"][:, 0]

    def gradients(self, batch: Batch, pos_weight_C: Tensor | None) -> tuple[Tensor, Parameters]:
        """Return each column's summed loss [C] and gradient; targets may be of any type."""
        x = batch.x_BD
        z = wide_product(x, self._weight_CD.t().to(x.dtype), self._bias_C.dtype)
        logits = Logits(z, self._bias_C, batch.y_BC, pos_weight_C, batch.input_scale)
        slopes = self._arithmetic.slopes(logits, x.dtype)
        weights = wide_product(slopes.slope_BC.t(), x, self._bias_C.dtype)
        found = {"linear.weight": weights[:, None], "linear.bias": slopes.bias_C[:, None]}
        return slopes.loss_C, found

    def logits(self, x_BD: Tensor) -> Tensor:
        """Return logits [B, C]."""
        return torch.addmm(self._bias_C, x_BD, self._weight_CD.t())


def wide_product(a: Tensor, b: Tensor, dtype: torch.dtype) -> Tensor:
    """Return a @ b in a type that may be wider than that of both, in which it is summed."""
    if a.dtype == dtype:
        return torch.mm(a, b)
    try:
        return torch.mm(a, b, out_dtype=dtype)
    except (TypeError, NotImplementedError):  # before torch 2.8, as on CPUs still, finished sums are rounded
        return torch.mm(a, b).to(dtype)
