"""Linear probes on a device have the gradients that they have on a CPU."""

from __future__ import annotations

import torch

from trainers.probes.fitting.device.arithmetic import PlainArithmetic
from trainers.probes.fitting.device.linear import DeviceLinear, wide_product
from trainers.probes.fitting.plan import Batch
from trainers.probes.fitting.stacked import StackedLinear


def test_gradients_and_logits_are_those_of_stacked_probes() -> None:
    made = {"linear.weight": torch.randn(3, 1, 4).double(), "linear.bias": torch.randn(3, 1).double()}
    x, y = torch.randn(6, 4).double(), (torch.rand(6, 3) < 0.5).double()
    weight = torch.tensor([1.0, 2, 0.5]).double()
    ours, theirs = DeviceLinear(made, PlainArithmetic()), StackedLinear(made)
    found = ours.gradients(Batch(x, y.to(torch.uint8), (), 1.25), weight)
    expected = theirs.gradients(Batch(x, y, (), 1.25), weight)
    torch.testing.assert_close(found[0], expected[0])
    for name, value in expected[1].items():
        torch.testing.assert_close(found[1][name], value)
    torch.testing.assert_close(ours.logits(x), theirs.logits(x))


def test_products_of_half_precision_are_wide() -> None:
    a, b = torch.ones(2, 3, dtype=torch.bfloat16), torch.full((3, 1), 2.0, dtype=torch.bfloat16)
    found = wide_product(a, b, torch.float32)
    assert found.dtype == torch.float32 and found.tolist() == [[6.0], [6.0]]
