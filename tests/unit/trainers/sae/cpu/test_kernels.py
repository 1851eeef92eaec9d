"""Each compiled kernel gives what plain tensors give."""

from __future__ import annotations

import pytest
import torch
from torch.nn.functional import normalize

from trainers.sae.cpu import kernels
from trainers.sae.cpu.build import NoLibrary, library
from trainers.sae.cpu.kernels import CpuKernels
from trainers.sae.model.codes import ByLatent
from trainers.sae.model.fused import Moving, Pairs, Step
from trainers.sae.model.selection import topk

try:
    library()
except NoLibrary as why:
    pytest.skip(str(why), allow_module_level=True)

B, L, D = 9, 300, 20
KERNELS = CpuKernels()


def drawn(*shape: int, seed: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32])
@pytest.mark.parametrize("latents", [7, 300, 1280])
@pytest.mark.parametrize("k", [1, 6])
def test_candidates_hold_the_largest_in_order(dtype: torch.dtype, latents: int, k: int) -> None:
    h = drawn(B, latents, seed=latents).to(dtype)
    columns, counts = KERNELS.candidates(h, k, 64, over_batch=False)
    for row, best in enumerate(torch.topk(h, k, dim=1).values.amin(1)):
        found, wanted = columns[row, : counts[row]], h[row] >= best.clamp(min=1e-30)
        assert set(wanted.nonzero()[:, 0].tolist()) <= set(found.tolist())
        assert found.tolist() == sorted(found.tolist()) and bool((h[row, found] > 0).all())
    columns, counts = KERNELS.candidates(h, k, 64, over_batch=True)
    bound = h.reshape(-1).topk(B * k).values[-1].clamp(min=1e-30)
    for row in range(B):
        wanted = (h[row] >= bound).nonzero()[:, 0].tolist()
        assert set(wanted) <= set(columns[row, : counts[row]].tolist())


def test_what_there_is_no_room_for_is_counted() -> None:
    columns, counts = KERNELS.candidates(torch.ones(2, 300), 3, 8, over_batch=False)
    assert counts.tolist() == [300, 300] and columns.tolist() == [list(range(8))] * 2


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32])
@pytest.mark.parametrize("room", [300, 2])
def test_values_above_a_bound_of_their_latent(
    monkeypatch: pytest.MonkeyPatch, dtype: torch.dtype, room: int
) -> None:
    monkeypatch.setattr(kernels, "ROOM", room)
    h, bound = drawn(B, L, seed=4).to(dtype), drawn(L, seed=5).clamp(min=0).to(dtype)
    found, (rows, columns) = KERNELS.above(h, bound), (h > bound).nonzero(as_tuple=True)
    assert torch.equal(found.rows, rows) and torch.equal(found.columns, columns)


def test_products_of_many_pairs_are_those_of_few(monkeypatch: pytest.MonkeyPatch) -> None:
    codes, x, decoder = topk(drawn(B, L, seed=0), 6), drawn(B, D, seed=1), drawn(L, D, seed=2)
    few = KERNELS.pair_products(codes, x, decoder)
    monkeypatch.setattr(kernels, "MANY", 0)
    assert torch.equal(KERNELS.pair_products(codes, x, decoder), few)


def test_gathered_products_and_what_comes_back() -> None:
    codes = topk(drawn(B, L, seed=0), 6)
    x, decoder, bias = drawn(B, D, seed=1), drawn(L, D, seed=2), drawn(D, seed=3)
    products = (x @ decoder.t())[codes.rows, codes.columns]
    torch.testing.assert_close(KERNELS.pair_products(codes, x, decoder), products, rtol=1e-4, atol=1e-5)
    back, slopes, squares = KERNELS.decode_and_back(codes, decoder, x, bias, 0.3)
    error = codes.decoded(decoder) + bias - x
    torch.testing.assert_close(back, error * 0.6)
    torch.testing.assert_close(squares, error.square().sum(1))
    wanted = (error * 0.6 @ decoder.t())[codes.rows, codes.columns]
    torch.testing.assert_close(slopes, wanted, rtol=1e-4, atol=1e-4)


def test_rows_are_summed_with_their_weights() -> None:
    weights, matrix = drawn(L, seed=4), drawn(L, D, seed=5)
    torch.testing.assert_close(KERNELS.row_sum(weights, matrix), weights @ matrix, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("unit_norm", [False, True])
def test_steps_are_those_of_torch_on_the_gradients(unit_norm: bool) -> None:
    mine = {"W_enc": drawn(L, D, seed=4), "W_dec": normalize(drawn(L, D, seed=5)), "b_enc": drawn(L, seed=6)}
    theirs = {name: value.clone() for name, value in mine.items()}
    moving = {n: Moving(value, torch.zeros_like(value), torch.zeros_like(value)) for n, value in mine.items()}
    plain = torch.optim.AdamW(list(theirs.values()), lr=0.01, weight_decay=0.1)
    for number in range(1, 4):
        codes = topk(drawn(B, L, seed=10 * number), 3)
        slopes, back, centred = drawn(len(codes.rows), seed=number), drawn(B, D, seed=2), drawn(B, D, seed=3)
        z, s = (torch.zeros(B, L).index_put((codes.rows, codes.columns), v) for v in (codes.values, slopes))
        gradients = {"W_enc": s.t() @ centred, "W_dec": z.t() @ back, "b_enc": s.sum(0)}
        if unit_norm:
            rows = theirs["W_dec"]
            gradients["W_dec"] -= (gradients["W_dec"] * rows).sum(1, keepdim=True) * rows
        by_latent = ByLatent.of(codes)
        starts = torch.cat([by_latent.starts, torch.tensor([len(codes.rows)])])
        order = by_latent.order
        pairs = Pairs(starts, by_latent.rows, codes.values[order], slopes[order], back, centred)
        squares, biases = KERNELS.squared_norms(pairs, mine["W_dec"], unit_norm=unit_norm)
        wanted = gradients["W_dec"].square().sum(1) + gradients["W_enc"].square().sum(1)
        torch.testing.assert_close(squares, wanted, rtol=1e-4, atol=1e-4)
        torch.testing.assert_close(biases, gradients["b_enc"])
        step = Step(0.01, 0.1, number, unit_norm)
        moved = (moving["W_enc"], moving["W_dec"], moving["b_enc"])
        KERNELS.move(pairs, moved, torch.tensor([0.5]), step)
        for name, value in theirs.items():
            value.grad = gradients[name] * 0.5
        plain.step()
        if unit_norm:
            theirs["W_dec"].copy_(normalize(theirs["W_dec"]))
        for name, value in theirs.items():
            torch.testing.assert_close(mine[name], value, rtol=1e-5, atol=1e-6)


def test_results_do_not_depend_on_the_number_of_threads() -> None:
    codes, x, decoder = topk(drawn(B, L, seed=0), 6), drawn(B, D, seed=1), drawn(L, D, seed=2)
    kept, found = torch.get_num_threads(), []
    try:
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            found.append(
                (KERNELS.row_sum(drawn(L, seed=4), decoder), KERNELS.pair_products(codes, x, decoder))
            )
    finally:
        torch.set_num_threads(kept)
    for sums, products in found[1:]:
        assert torch.equal(sums, found[0][0]) and torch.equal(products, found[0][1])
