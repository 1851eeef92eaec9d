"""The products of active latents with matrices that a step is made of, in the ways that there are.

`SPARSE` touches what is active, `DENSE` multiplies whole matrices: faster where much is active.
"""

from __future__ import annotations

from typing import Protocol

from torch import Tensor

from trainers.sae.model.codes import ByLatent, Codes


class Products(Protocol):
    """Three products; B examples, L latents, D activations, n active pairs."""

    def decoded(self, codes: Codes, decoder_LD: Tensor) -> Tensor:
        """Return the codes times the decoder [B, D]."""

    def at(self, codes: Codes, left_BD: Tensor, right_LD: Tensor) -> Tensor:
        """Return for every pair its row of `left` times its row of `right` [n]."""

    def sums(self, codes: Codes, by_latent: ByLatent, values: Tensor, matrix_BD: Tensor) -> Tensor:
        """Return for every latent the sum over its examples of value [n] times row of `matrix` [L, D]."""


class SparseProducts:
    """Gathers rows of what is active; torch's own kernels."""

    def decoded(self, codes: Codes, decoder_LD: Tensor) -> Tensor:
        """Return the codes times the decoder [B, D]."""
        return codes.decoded(decoder_LD)

    def at(self, codes: Codes, left_BD: Tensor, right_LD: Tensor) -> Tensor:
        """Return for every pair its row of `left` times its row of `right` [n]."""
        return codes.products(left_BD, right_LD)

    def sums(self, codes: Codes, by_latent: ByLatent, values: Tensor, matrix_BD: Tensor) -> Tensor:
        """Return for every latent the sum over its examples of value [n] times row of `matrix` [L, D]."""
        return by_latent.sums(values, matrix_BD)


class DenseProducts:
    """Multiplies whole matrices."""

    def decoded(self, codes: Codes, decoder_LD: Tensor) -> Tensor:
        """Return the codes times the decoder [B, D]."""
        return _matrix(codes, codes.values) @ decoder_LD

    def at(self, codes: Codes, left_BD: Tensor, right_LD: Tensor) -> Tensor:
        """Return for every pair its row of `left` times its row of `right` [n]."""
        return (left_BD @ right_LD.t())[codes.rows, codes.columns]

    def sums(self, codes: Codes, by_latent: ByLatent, values: Tensor, matrix_BD: Tensor) -> Tensor:
        """Return for every latent the sum over its examples of value [n] times row of `matrix` [L, D]."""
        return _matrix(codes, values).t() @ matrix_BD


SPARSE: Products = SparseProducts()
DENSE: Products = DenseProducts()


def _matrix(codes: Codes, values: Tensor) -> Tensor:
    whole = values.new_zeros(codes.shape)
    whole[codes.rows, codes.columns] = values
    return whole
