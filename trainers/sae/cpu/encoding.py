"""What latents see, from products of whole numbers of eight bits."""

from __future__ import annotations

import ctypes

import torch
from torch import Tensor

from trainers.sae.cpu.build import library
from trainers.sae.model.architecture import Architecture
from trainers.sae.model.parameters import Parameters

DEVIATIONS = 4
"""That a value may be off by."""


def encoded_in_bytes(form: Architecture, parameters: Parameters, x_BD: Tensor) -> tuple[Tensor, Tensor]:
    """Return what the latents see of examples, and how far it may be off: bfloat16 [B, L], float32 [L].

    All is on the CPU, and given in float32.  Raises NoLibrary.
    """
    x_BD = (x_BD - parameters["b_dec"] if form.centres else x_BD).contiguous()
    W_enc, b_enc = parameters["W_enc"], parameters["b_enc"]
    h_BL = torch.empty(len(x_BD), len(W_enc), dtype=torch.bfloat16)
    deviations_L = torch.empty(len(W_enc))
    sizes = (len(x_BD), *W_enc.shape, torch.get_num_threads())
    library().encode_in_bytes(
        *(ctypes.c_void_p(one.data_ptr()) for one in (x_BD, W_enc, b_enc)),
        *map(ctypes.c_int64, sizes),
        *(ctypes.c_void_p(one.data_ptr()) for one in (h_BL, deviations_L)),
    )
    return h_BL, deviations_L * DEVIATIONS
