"""Gathered products are those of the plain ones."""

from __future__ import annotations

import pytest
import torch

pytest.importorskip("triton", reason="kernels need pip install triton")

from trainers.sae.gpu.gathering import decode_and_back, pair_products
from trainers.sae.model.selection import topk

B, L, D = 5, 40, 12
generator = torch.Generator().manual_seed(0)
H, X, W, BIAS = (torch.randn(*shape, generator=generator) for shape in ((B, L), (B, D), (L, D), (D,)))
CODES = topk(H, 6)
ARRAYS = (CODES.starts(), CODES.columns, CODES.values)


def test_products_of_pairs() -> None:
    found = pair_products(CODES.starts(), CODES.columns, X, W)
    torch.testing.assert_close(found, (X @ W.t())[CODES.rows, CODES.columns])


def test_decoding_and_what_comes_back_are_those_of_automatic_differentiation() -> None:
    values = CODES.values.clone().requires_grad_()
    z = torch.zeros(B, L).index_put((CODES.rows, CODES.columns), values)
    made = z @ W + BIAS
    made.retain_grad()
    ((made - X).square().sum() * 0.3).backward()
    back, slopes, squares = decode_and_back(ARRAYS, W, X, BIAS, 0.3)
    torch.testing.assert_close(back, made.grad)
    torch.testing.assert_close(slopes, values.grad, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(squares, (made.detach() - X).square().sum(1))


def test_an_example_without_active_latents_is_its_bias() -> None:
    codes = topk(torch.where(torch.arange(B)[:, None] == 2, -1.0, H), 6)
    back, _, _ = decode_and_back((codes.starts(), codes.columns, codes.values), W, X, BIAS, 0.5)
    torch.testing.assert_close(back[2], BIAS - X[2])
