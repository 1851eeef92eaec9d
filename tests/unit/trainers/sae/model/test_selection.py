"""The active latents are those that sorting all would give."""

from __future__ import annotations

import pytest
import torch

from trainers.sae.model.selection import (
    BLOCK,
    above,
    batch_candidates,
    batch_topk,
    ranks,
    row_candidates,
    topk,
)


def values(seed: int, latents: int, rows: int = 9) -> torch.Tensor:
    return torch.randn(rows, latents, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize("latents", [5, BLOCK, 3 * BLOCK + 7, 20 * BLOCK])
@pytest.mark.parametrize("k", [1, 5])
def test_topk_is_exact(latents: int, k: int) -> None:
    h = values(latents, latents).abs()
    found = torch.zeros_like(h)
    codes = topk(h, k)
    found[codes.rows, codes.columns] = codes.values
    top = torch.topk(h, k, dim=1)
    assert torch.equal(found, torch.zeros_like(h).scatter(1, top.indices, top.values))
    assert codes.rows.tolist() == sorted(codes.rows.tolist())


@pytest.mark.parametrize("latents", [5, 3 * BLOCK + 7, 20 * BLOCK])
def test_topk_over_a_batch_is_exact(latents: int) -> None:
    h = values(latents, latents)
    found = batch_topk(h, 2)
    best = torch.topk(h.reshape(-1), 18).values
    assert torch.equal(found.values.sort(descending=True).values, best[best > 0])


def test_what_is_not_positive_is_not_active() -> None:
    h = torch.tensor([[-1.0, 0.0, 2.0], [-3.0, -2.0, -1.0]])
    assert topk(h, 2).columns.tolist() == [2]
    assert batch_topk(h, 2).columns.tolist() == [2]
    assert above(h, 0.0).rows.tolist() == [0]


def test_equal_values_are_not_more_than_k() -> None:
    assert len(topk(torch.ones(4, 200), 3).rows) == 12
    assert len(batch_topk(torch.ones(4, 200), 3).rows) == 12


def test_ranks_count_within_an_example() -> None:
    h = torch.tensor([[3.0, 1.0, 2.0], [5.0, 0.0, 6.0]])
    assert ranks(above(h, 0.5)).tolist() == [0, 2, 1, 1, 0]


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32, torch.float64])
@pytest.mark.parametrize("latents", [3 * BLOCK + 7, 20 * BLOCK])
def test_candidates_hold_the_largest_in_every_number_format(latents: int, dtype: torch.dtype) -> None:
    h = values(latents, latents).to(dtype)
    for found, best in (
        (row_candidates(h, 5), torch.topk(h, 5, dim=1).values),
        (batch_candidates(h, 5), torch.topk(h.reshape(-1), 45).values),
    ):
        least = best.amin(-1, keepdim=True).expand(len(h), 1)
        assert bool(torch.all(h[found.rows, found.columns] == found.values))
        assert int((found.values >= least[found.rows, 0]).sum()) >= 45
        assert len(found.rows) < h.numel() / 4 or latents < 20 * BLOCK
        assert found.rows.tolist() == sorted(found.rows.tolist())
