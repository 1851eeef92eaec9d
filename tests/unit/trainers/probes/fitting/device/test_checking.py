"""Kernels that do not work, or not rightly, are not used, and that is told."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from tests.unit.trainers.probes.data import CPU
from trainers.probes.fitting.device.arithmetic import Logits, Moving, PlainArithmetic, Slopes
from trainers.probes.fitting.device.checking import arithmetic_of, checked


def test_kernels_that_agree_are_used(caplog: pytest.LogCaptureFixture) -> None:
    kernels = pytest.importorskip("trainers.probes.fitting.device.kernels")
    assert isinstance(arithmetic_of(CPU), kernels.KernelArithmetic) and not caplog.records


class Wrong(PlainArithmetic):
    def slopes(self, logits: Logits, dtype: torch.dtype) -> Slopes:
        found = super().slopes(logits, dtype)
        return Slopes(found.loss_C + 0.01, found.bias_C, found.slope_BC)


class Broken(PlainArithmetic):
    def move(self, moving: Moving, gradient_CK: Tensor) -> None:
        raise RuntimeError("no compiler")


def missing() -> PlainArithmetic:
    raise ImportError("no module named triton")


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (Wrong, "losses differ from those of torch"),
        (Broken, "no compiler"),
        (missing, "no module named triton"),
    ],
)
def test_others_are_not(make: type[PlainArithmetic], why: str, caplog: pytest.LogCaptureFixture) -> None:
    assert type(checked(make, CPU)) is PlainArithmetic
    assert [why in one.message for one in caplog.records] == [True]
