"""Every way of forming the products gives the same."""

from __future__ import annotations

import torch

from trainers.sae.model.codes import ByLatent
from trainers.sae.model.products import DENSE, SPARSE
from trainers.sae.model.selection import topk

B, L, D = 9, 40, 6


def test_dense_and_sparse_products_are_the_same() -> None:
    generator = torch.Generator().manual_seed(0)
    h, x, decoder = (
        torch.randn(*shape, generator=generator, dtype=torch.float64) for shape in ((B, L), (B, D), (L, D))
    )
    codes = topk(h, 5)
    by_latent = ByLatent.of(codes)
    z = torch.zeros_like(h).index_put((codes.rows, codes.columns), codes.values)
    for ways in (SPARSE, DENSE):
        torch.testing.assert_close(ways.decoded(codes, decoder), z @ decoder)
        torch.testing.assert_close(ways.at(codes, x, decoder), (x @ decoder.t())[codes.rows, codes.columns])
        torch.testing.assert_close(ways.sums(codes, by_latent, codes.values, x), z.t() @ x)
