"""The kernels in Triton as a step takes them."""

from __future__ import annotations

import torch
from torch import Tensor

from trainers.sae.gpu.adam import move, squared_norms
from trainers.sae.gpu.gathering import decode_and_back, pair_products
from trainers.sae.gpu.selecting import block_maxima, candidates_above, row_candidates
from trainers.sae.model.codes import Codes
from trainers.sae.model.fused import Moving, Pairs, Step
from trainers.sae.model.selection import above


class GpuKernels:
    """Steps in Triton."""

    gathers_rounded = True

    def candidates(self, h_BL: Tensor, k: int, room: int, *, over_batch: bool) -> tuple[Tensor, Tensor]:
        """Return latents that may be among the largest [B, room], and how many they are [B]."""
        if not over_batch:
            return row_candidates(h_BL, k, room)
        maxima, wanted = block_maxima(h_BL), len(h_BL) * k
        values = (maxima if wanted <= maxima.numel() else h_BL).reshape(-1)
        bound = torch.topk(values, wanted, sorted=False).values.amin()
        return candidates_above(h_BL, bound, room)

    def above(self, h_BL: Tensor, bound_L: Tensor) -> Codes:
        """Return the values above a bound of their latent, which is not below 0."""
        return above(h_BL, bound_L)

    def pair_products(self, codes: Codes, left_BD: Tensor, right_LD: Tensor) -> Tensor:
        """Return for every pair its row of `left` times its row of `right` [n]."""
        return pair_products(codes.starts(), codes.columns, left_BD, right_LD)

    def decode_and_back(
        self, codes: Codes, decoder_LD: Tensor, target_BD: Tensor, bias_D: Tensor, weight: float
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Return errors times 2 · weight [B, D], slopes [n] and squares [B]."""
        arrays = (codes.starts(), codes.columns, codes.values)
        return decode_and_back(arrays, decoder_LD, target_BD, bias_D, weight)

    def squared_norms(self, pairs: Pairs, decoder_LD: Tensor, *, unit_norm: bool) -> tuple[Tensor, Tensor]:
        """Return the squared norms of the gradients of every latent's rows [L], and its bias's [L]."""
        return squared_norms(pairs, decoder_LD, unit_norm=unit_norm)

    def move(self, pairs: Pairs, moving: tuple[Moving, Moving, Moving], scale: Tensor, step: Step) -> None:
        """Make the Adam step."""
        move(pairs, moving, scale, step)

    def row_sum(self, weights_L: Tensor, matrix_LD: Tensor) -> Tensor:
        """Return the sum of the rows of a matrix, each times its weight [D]."""
        return weights_L @ matrix_LD
