"""Active latents as a sparse matrix, and the three products that training needs of one."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional


@dataclass(frozen=True)
class Codes:
    """Values at (example, latent) pairs, example by example."""

    rows: Tensor
    """Example of each value, int64 [n], rising."""
    columns: Tensor
    """Latent of each value, int64 [n]."""
    values: Tensor
    """[n]"""
    shape: tuple[int, int]
    """(B, L)"""

    def starts(self) -> Tensor:
        """Return where each example begins, and the end: int64 [B + 1]."""
        return _starts(self.rows, self.shape[0])

    def chosen(self, mask: Tensor) -> Codes:
        """Return the values at which a mask [n] is true."""
        return Codes(self.rows[mask], self.columns[mask], self.values[mask], self.shape)

    def with_values(self, values: Tensor) -> Codes:
        """Return other values at the same places."""
        return Codes(self.rows, self.columns, values, self.shape)

    def modulo(self, examples: int) -> Codes:
        """Return the codes of a batch, of which the rows of these are several copies."""
        if self.shape[0] == examples:
            return self
        return Codes(self.rows % examples, self.columns, self.values, (examples, self.shape[1]))

    def decoded(self, decoder_LD: Tensor) -> Tensor:
        """Return the codes times the decoder [B, D]."""
        return _weighted_sums(decoder_LD, self.columns, self.starts()[:-1], self.values)

    def products(self, left_BD: Tensor, right_LD: Tensor) -> Tensor:
        """Return for every place the product of its row of `left` and its row of `right` [n]."""
        if not len(self.rows):
            return self.values.clone()
        pattern = torch.sparse_csr_tensor(
            self.starts(), self.columns, torch.zeros_like(self.values), self.shape, check_invariants=False
        )
        return torch.sparse.sampled_addmm(pattern, left_BD, right_LD.t(), beta=0.0).values()


@dataclass(frozen=True)
class ByLatent:
    """The places of codes in the order of their latents, for sums over examples."""

    order: Tensor
    """Places of the codes, int64 [n]."""
    rows: Tensor
    """Their examples, int64 [n]."""
    starts: Tensor
    """Where each latent begins, int64 [L]."""

    def bounds(self) -> Tensor:
        """Return where each latent begins, and the end: int64 [L + 1]."""
        return torch.cat([self.starts, self.starts.new_tensor([len(self.rows)])])

    @classmethod
    def of(cls, codes: Codes) -> ByLatent:
        """Sort codes by latent; within one the order of the examples stays, so that sums are reproducible."""
        if codes.rows.device.type == "cpu":
            order = torch.from_numpy(_counting_sort(codes))
        else:
            order = torch.argsort(codes.columns, stable=True)
        starts = _starts_of_counts(torch.bincount(codes.columns, minlength=codes.shape[1]))
        return cls(order, codes.rows[order], starts[:-1])

    def modulo(self, examples: int) -> ByLatent:
        """Return the same places where the rows of codes are those of a batch, several times over."""
        return self if not len(self.rows) else ByLatent(self.order, self.rows % examples, self.starts)

    def sums(self, values: Tensor, matrix_BD: Tensor) -> Tensor:
        """Return for every latent the sum over its examples of value times row of `matrix` [L, D]."""
        return _weighted_sums(matrix_BD, self.rows, self.starts, values[self.order])


def latent_sums(codes: Codes, values: Tensor) -> Tensor:
    """Return the sum of the values of every latent [L]."""
    return values.new_zeros(codes.shape[1]).index_add_(0, codes.columns, values)


def _weighted_sums(matrix: Tensor, rows: Tensor, starts: Tensor, weights: Tensor) -> Tensor:
    if not len(rows):
        return matrix.new_zeros(len(starts), matrix.shape[1])
    return functional.embedding_bag(rows, matrix, starts, mode="sum", per_sample_weights=weights)


def _counting_sort(codes: Codes) -> np.ndarray:
    from scipy.sparse import csr_matrix

    # The conversion is a counting sort in C: twenty times as fast as sorting.
    places = np.arange(len(codes.columns), dtype=np.int64)
    by_row = csr_matrix((places, codes.columns.numpy(), codes.starts().numpy()), shape=codes.shape)
    order: np.ndarray = by_row.tocsc().data
    return order


def _starts(rows: Tensor, n_rows: int) -> Tensor:
    return _starts_of_counts(torch.bincount(rows, minlength=n_rows))


def _starts_of_counts(counts: Tensor) -> Tensor:
    starts = counts.new_zeros(len(counts) + 1)
    torch.cumsum(counts, 0, out=starts[1:])
    return starts


with warnings.catch_warnings():  # torch warns once a process that this kind of tensor is young
    warnings.simplefilter("ignore")
    torch.sparse_csr_tensor([0, 1], [0], [1.0], (1, 1))
