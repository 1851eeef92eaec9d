"""Adam inside the gradient is torch's AdamW on the gradient."""

from __future__ import annotations

import pytest
import torch
from torch.nn.functional import normalize

pytest.importorskip("triton", reason="kernels need pip install triton")

from trainers.sae.gpu.adam import move, squared_norms
from trainers.sae.model.codes import ByLatent
from trainers.sae.model.fused import Moving, Pairs, Step
from trainers.sae.model.selection import topk

B, L, D = 5, 20, 6


def drawn(*shape: int, seed: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def pairs(seed: int) -> tuple[Pairs, dict[str, torch.Tensor]]:
    """Return pairs, and the gradients that they stand for."""
    codes = topk(drawn(B, L, seed=seed), 3)
    slopes, back, centred = drawn(len(codes.rows), seed=seed + 1), drawn(B, D, seed=2), drawn(B, D, seed=3)
    by_latent = ByLatent.of(codes)
    starts = torch.cat([by_latent.starts, torch.tensor([len(codes.rows)])])
    order = by_latent.order
    made = Pairs(starts, by_latent.rows, codes.values[order], slopes[order], back, centred)
    z, s = (torch.zeros(B, L).index_put((codes.rows, codes.columns), v) for v in (codes.values, slopes))
    return made, {"W_dec": z.t() @ back, "W_enc": s.t() @ centred, "b_enc": s.sum(0)}


def projected(gradient: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
    return gradient - (gradient * rows).sum(1, keepdim=True) * rows


@pytest.mark.parametrize("unit_norm", [False, True])
def test_norms_are_those_of_the_gradients(unit_norm: bool) -> None:
    made, gradients = pairs(0)
    decoder = normalize(drawn(L, D, seed=9))
    wanted = projected(gradients["W_dec"], decoder) if unit_norm else gradients["W_dec"]
    squares, biases = squared_norms(made, decoder, unit_norm=unit_norm)
    torch.testing.assert_close(squares, wanted.square().sum(1) + gradients["W_enc"].square().sum(1))
    torch.testing.assert_close(biases, gradients["b_enc"])


@pytest.mark.parametrize("unit_norm", [False, True])
def test_steps_are_those_of_torch_also_of_latents_that_nothing_activated(unit_norm: bool) -> None:
    mine = {"W_enc": drawn(L, D, seed=4), "W_dec": normalize(drawn(L, D, seed=5)), "b_enc": drawn(L, seed=6)}
    theirs = {name: value.clone() for name, value in mine.items()}
    moving = {
        name: Moving(value, torch.zeros_like(value), torch.zeros_like(value)) for name, value in mine.items()
    }
    plain = torch.optim.AdamW(list(theirs.values()), lr=0.01, weight_decay=0.1)
    for number in range(1, 4):
        made, gradients = pairs(10 * number)
        scale, step = torch.tensor([0.5]), Step(0.01, 0.1, number, unit_norm)
        move(made, (moving["W_enc"], moving["W_dec"], moving["b_enc"]), scale, step)
        if unit_norm:
            gradients["W_dec"] = projected(gradients["W_dec"], theirs["W_dec"])
        for name, value in theirs.items():
            value.grad = gradients[name] * 0.5
        plain.step()
        if unit_norm:
            theirs["W_dec"].copy_(normalize(theirs["W_dec"]))
        for name, value in theirs.items():
            torch.testing.assert_close(mine[name], value, rtol=1e-5, atol=1e-6)
