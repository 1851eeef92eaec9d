"""The kernels as a step takes them: those over a batch find its bound themselves."""

from __future__ import annotations

import pytest
import torch

pytest.importorskip("triton", reason="kernels need pip install triton")

from trainers.sae.gpu.kernels import GpuKernels
from trainers.sae.model.selection import topk

H = torch.randn(4, 150, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("k", [2, 5])
def test_candidates_of_a_batch_hold_its_largest(k: int) -> None:
    columns, counts = GpuKernels().candidates(H, k, 150, over_batch=True)
    bound = H.reshape(-1).topk(4 * k).values[-1]
    for row in range(4):
        wanted = (H[row] >= bound).nonzero()[:, 0].tolist()
        assert set(wanted) <= set(columns[row, : counts[row]].tolist())
    assert int(counts.sum()) < 150


def test_products_and_sums_of_rows() -> None:
    codes, x, decoder = topk(H, 3), H[:, :8].contiguous(), H.t()[:150].repeat(1, 2).contiguous()
    found = GpuKernels().pair_products(codes, x, decoder)
    torch.testing.assert_close(found, (x @ decoder.t())[codes.rows, codes.columns])
    torch.testing.assert_close(GpuKernels().row_sum(H[0], decoder), H[0] @ decoder)
