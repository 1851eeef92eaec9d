"""The compiled kernels as functions of tensors: float32, contiguous, on the CPU."""

from __future__ import annotations

import ctypes

import torch
from torch import Tensor

from trainers.sae.cpu.build import library
from trainers.sae.model.codes import ByLatent, Codes
from trainers.sae.model.fused import Moving, Pairs, Step, listed
from trainers.sae.model.selection import above

MANY = 3
"""Pairs a latent from which it pays to sort them by latent."""
ROOM = 2048
"""Values above their bounds that an example has room for."""


class CpuKernels:
    """Steps in C++."""

    gathers_rounded = False

    def __init__(self) -> None:
        self._library = library()

    def candidates(self, h_BL: Tensor, k: int, room: int, *, over_batch: bool) -> tuple[Tensor, Tensor]:
        """Return latents that may be among the largest [B, room], and how many they are [B]."""
        columns = torch.empty(len(h_BL), room, dtype=torch.int64)
        counts = torch.empty(len(h_BL), dtype=torch.int64)
        half = h_BL.dtype == torch.bfloat16
        call = self._library.candidates_16 if half else self._library.candidates_32
        numbers = (*h_BL.shape, k, int(over_batch), room, torch.get_num_threads())
        call(_at(h_BL), *map(ctypes.c_int64, numbers), _at(columns), _at(counts))
        return columns, counts

    def above(self, h_BL: Tensor, bound_L: Tensor) -> Codes:
        """Return the values above a bound of their latent, which is not below 0."""
        examples, latents = h_BL.shape
        columns = torch.empty(examples, min(latents, ROOM), dtype=torch.int64)
        counts = torch.empty(examples, dtype=torch.int64)
        half = h_BL.dtype == torch.bfloat16
        call = self._library.above_16 if half else self._library.above_32
        numbers = (*h_BL.shape, columns.shape[1], torch.get_num_threads())
        call(_at(h_BL), _at(bound_L), *map(ctypes.c_int64, numbers), _at(columns), _at(counts))
        if int(counts.max()) > columns.shape[1]:
            return above(h_BL, bound_L)
        return listed(h_BL, columns, counts)

    def pair_products(self, codes: Codes, left_BD: Tensor, right_LD: Tensor) -> Tensor:
        """Return for every pair its row of `left` times its row of `right` [n]."""
        if len(codes.rows) > MANY * len(right_LD):
            return self._products_by_latent(codes, left_BD, right_LD)
        found = torch.empty(len(codes.rows))
        kept = (codes.starts(), codes.columns, left_BD, right_LD)
        sizes = (*left_BD.shape, torch.get_num_threads())
        self._library.pair_products(*map(_at, kept), *map(ctypes.c_int64, sizes), _at(found))
        return found

    def _products_by_latent(self, codes: Codes, left_BD: Tensor, right_LD: Tensor) -> Tensor:
        found, pairs = torch.empty(len(codes.rows)), ByLatent.of(codes)
        kept = (pairs.order, pairs.rows, pairs.bounds(), left_BD, right_LD)
        sizes = (*right_LD.shape, torch.get_num_threads())
        self._library.products_by_latent(*map(_at, kept), *map(ctypes.c_int64, sizes), _at(found))
        return found

    def decode_and_back(
        self, codes: Codes, decoder_LD: Tensor, target_BD: Tensor, bias_D: Tensor, weight: float
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Decode and differentiate: return errors times 2 · weight [B, D], slopes [n], squares [B]."""
        back_BD = torch.empty_like(target_BD)
        slopes, squares_B = torch.empty_like(codes.values), torch.empty(len(target_BD))
        kept = (codes.starts(), codes.columns, codes.values, decoder_LD, target_BD.contiguous(), bias_D)
        sizes = (*target_BD.shape, torch.get_num_threads())
        self._library.decode_and_back(
            *map(_at, kept),
            ctypes.c_float(2 * weight),
            *map(ctypes.c_int64, sizes),
            *map(_at, (back_BD, slopes, squares_B)),
        )
        return back_BD, slopes, squares_B

    def squared_norms(self, pairs: Pairs, decoder_LD: Tensor, *, unit_norm: bool) -> tuple[Tensor, Tensor]:
        """Return the squared norms of the gradients of every latent's rows [L], and its bias's [L]."""
        squares, biases = torch.empty(len(decoder_LD)), torch.empty(len(decoder_LD))
        sizes = (*decoder_LD.shape, int(unit_norm), torch.get_num_threads())
        self._library.squared_norms(
            _struct(pairs.tensors()), _at(decoder_LD), *map(ctypes.c_int64, sizes), _at(squares), _at(biases)
        )
        return squares, biases

    def move(self, pairs: Pairs, moving: tuple[Moving, Moving, Moving], scale: Tensor, step: Step) -> None:
        """Make the Adam step of encoder, decoder and the encoder's bias; gradients count times `scale`."""
        rate, root, kept = step.numbers()
        numbers = (ctypes.c_float * 3)(rate, 1 / root, kept)
        sizes = (*moving[1].values.shape, int(step.unit_norm), torch.get_num_threads())
        self._library.move(
            _struct(pairs.tensors()),
            *(_struct(one.tensors()) for one in moving),
            numbers,
            ctypes.c_float(float(scale)),
            *map(ctypes.c_int64, sizes),
        )

    def row_sum(self, weights_L: Tensor, matrix_LD: Tensor) -> Tensor:
        """Return the sum of the rows of a matrix, each times its weight [D]."""
        found = torch.empty(matrix_LD.shape[1])
        sizes = (*matrix_LD.shape, torch.get_num_threads())
        self._library.row_sum(_at(weights_L), _at(matrix_LD), *map(ctypes.c_int64, sizes), _at(found))
        return found


def _at(tensor: Tensor) -> ctypes.c_void_p:
    assert tensor.is_contiguous(), tensor.shape
    return ctypes.c_void_p(tensor.data_ptr())


def _struct(tensors: tuple[Tensor, ...]) -> ctypes.Array[ctypes.c_void_p]:
    return (ctypes.c_void_p * len(tensors))(*(one.data_ptr() for one in tensors))
