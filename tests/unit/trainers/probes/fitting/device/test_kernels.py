"""The kernels do what torch's operations do."""

from __future__ import annotations

import pytest
import torch

pytest.importorskip("triton", reason="kernels need pip install triton")

from trainers.probes.fitting.device.arithmetic import BETAS, Examples, Logits, Moving, PlainArithmetic
from trainers.probes.fitting.device.kernels import KernelArithmetic
from trainers.probes.reading.inputs import Standardisation

PLAIN, KERNELS = PlainArithmetic(), KernelArithmetic()


def drawn(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize(("scales", "drops"), [(False, False), (True, True), (True, False)])
def test_rows_are_those_of_torch(dtype: torch.dtype, scales: bool, drops: bool) -> None:
    """To the bit where nothing is rounded: Triton's interpreter cuts off what a device rounds to bfloat16."""
    x, rows = (drawn(9, 1100) * 50).to(dtype), torch.tensor([8, 0, 8])
    inputs = Standardisation(drawn(1100, seed=1), drawn(1100, seed=2).exp()) if scales else None
    keep = drawn(3, 1100, seed=3) > 0 if drops else None
    outs = [torch.empty(3, 1100, dtype=dtype) for _ in range(2)]
    for one, out in zip((PLAIN, KERNELS), outs, strict=True):
        one.gather(Examples(x, rows, inputs, keep), out)
    if dtype == torch.float32 or not scales:
        assert torch.equal(outs[0] + 0, outs[1] + 0)
    torch.testing.assert_close(outs[1], outs[0], rtol=2**-6, atol=1e-6)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("weighted", [False, True])
def test_losses_and_slopes_agree(dtype: torch.dtype, weighted: bool) -> None:
    z, y = drawn(70, 13) * 30, (drawn(70, 13, seed=1) > 1).to(torch.uint8)
    z[0], z[1], z[2] = 90.0, -90.0, 0.0
    weight = drawn(13, seed=2).exp() if weighted else None
    plain, kernels = (
        one.slopes(Logits(z, drawn(13, seed=3), y, weight, 1.25), dtype) for one in (PLAIN, KERNELS)
    )
    torch.testing.assert_close(kernels.loss_C, plain.loss_C, rtol=2e-6, atol=1e-5)
    torch.testing.assert_close(kernels.bias_C, plain.bias_C, rtol=1e-5, atol=1e-7)
    exact = 1e-2 if dtype == torch.bfloat16 else 1e-5
    torch.testing.assert_close(kernels.slope_BC, plain.slope_BC, rtol=exact, atol=1e-8)
    assert kernels.slope_BC.dtype == dtype


@pytest.mark.parametrize("width", [1, 1500])
def test_steps_agree(width: int) -> None:
    made = [
        Moving(
            *(drawn(3, width), torch.zeros(3, width), torch.zeros(3, width)),
            *(torch.tensor([0.1, 0.01, 0.0]), torch.tensor([0.1, 0.0, 0.5])),
            powers=torch.ones(2, dtype=torch.float64),
        )
        for _ in range(2)
    ]
    for step in range(3):
        for one, moving in zip((PLAIN, KERNELS), made, strict=True):
            moving.powers.mul_(torch.tensor(BETAS, dtype=torch.float64))
            one.move(moving, drawn(3, width, seed=step))
    for name in ("values", "first", "second"):
        torch.testing.assert_close(getattr(made[1], name), getattr(made[0], name), rtol=1e-5, atol=1e-7)
