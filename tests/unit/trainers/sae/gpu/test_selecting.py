"""Candidates that the kernels find hold what sorting all would give."""

from __future__ import annotations

import pytest
import torch

pytest.importorskip("triton", reason="kernels need pip install triton")

from trainers.sae.gpu.selecting import BLOCK, block_maxima, candidates_above, row_candidates


def values(latents: int, rows: int = 4) -> torch.Tensor:
    return torch.randn(rows, latents, generator=torch.Generator().manual_seed(latents))


@pytest.mark.parametrize("latents", [7, 300, 2500])
@pytest.mark.parametrize("k", [1, 6])
def test_candidates_of_examples_hold_the_largest_in_order(latents: int, k: int) -> None:
    h = values(latents)
    columns, counts = row_candidates(h, k, capacity=64)
    best = torch.topk(h, k, dim=1)
    for row in range(len(h)):
        found = columns[row, : counts[row]].tolist()
        wanted = best.indices[row][best.values[row] > 0].tolist()
        assert set(wanted) <= set(found) and found == sorted(set(found))
        assert bool((h[row, found] > 0).all()) and len(found) <= 4 * k + 8


def test_what_there_is_no_room_for_is_counted() -> None:
    columns, counts = row_candidates(torch.ones(2, 300), 3, capacity=8)
    assert counts.tolist() == [300, 300] and columns.tolist() == [list(range(8))] * 2


def test_nothing_positive_is_no_candidate() -> None:
    assert row_candidates(-values(300).abs(), 3, capacity=8)[1].tolist() == [0] * 4


def test_candidates_over_a_batch_are_those_that_reach_the_bound() -> None:
    h = values(300)
    bound = h.reshape(-1).topk(20).values[-1]
    columns, counts = candidates_above(h, bound, capacity=64)
    for row in range(len(h)):
        assert columns[row, : counts[row]].tolist() == (h[row] >= bound).nonzero()[:, 0].tolist()


def test_maxima_of_blocks() -> None:
    h = values(5 * BLOCK + 3)
    found = block_maxima(h)
    assert torch.equal(found[:, :5], h[:, : 5 * BLOCK].view(4, 5, BLOCK).amax(2))
    assert torch.equal(found[:, 5], h[:, 5 * BLOCK :].amax(1))
