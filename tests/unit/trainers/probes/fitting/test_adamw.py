"""Stacked AdamW and early stopping, column by column."""

from __future__ import annotations

import torch
from torch import Tensor

from trainers.probes.fitting.adamw import Run, StackedAdamW, runs_of
from trainers.probes.fitting.stacked import take
from trainers.probes.fitting.stopping import EarlyStopping
from trainers.probes.settings import Variant


def randn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def test_steps_equal_those_of_torch_with_a_rate_and_decay_for_each_run_of_columns() -> None:
    slow, fast = Variant(1e-3, 0.0), Variant(1e-2, 0.1)
    start, gradients = randn(3, 2, 4), [randn(3, 2, 4, seed=step) for step in range(1, 6)]
    stacked = {"w": start.clone(), "b": start[:, 0].clone()}
    optimiser = StackedAdamW(stacked, runs_of([slow, slow, fast]))
    for gradient in gradients:
        optimiser.step({"w": gradient, "b": gradient[:, 0]}, [slow.lr, fast.lr])
    for column, variant in enumerate((slow, slow, fast)):
        alone = start[column].clone().requires_grad_()
        reference = torch.optim.AdamW([alone], lr=variant.lr, weight_decay=variant.weight_decay)
        for gradient in gradients:
            alone.grad = gradient[column].clone()
            reference.step()
        torch.testing.assert_close(stacked["w"][column], alone.detach(), rtol=0, atol=1e-14)
        torch.testing.assert_close(stacked["b"][column], alone.detach()[0], rtol=0, atol=1e-14)


def test_gradients_may_lie_in_memory_in_any_order() -> None:
    values = [{"w": randn(2, 3, 4)} for _ in range(2)]
    gradient = randn(2, 4, 3, seed=1).transpose(1, 2)
    for one, given in zip(values, (gradient, gradient.contiguous()), strict=True):
        StackedAdamW(one, runs_of([Variant(0.1, 0.1)] * 2)).step({"w": given}, [0.1])
    assert torch.equal(values[0]["w"], values[1]["w"])


def test_a_zero_gradient_does_not_freeze_a_column() -> None:
    parameters = {"w": randn(2, 3)}
    optimiser = StackedAdamW(parameters, runs_of([Variant(0.1, 0.1)] * 2))
    optimiser.step({"w": randn(2, 3, seed=1)}, [0.1])
    before = parameters["w"].clone()
    optimiser.step({"w": torch.zeros(2, 3, dtype=torch.float64)}, [0.1])
    assert (parameters["w"] != before).all()


def test_columns_cut_out_leave_the_others_as_if_nothing_had_happened() -> None:
    slow, fast = Variant(0.01, 0.05), Variant(0.05, 0.0)
    whole, parameters = {"w": randn(4, 3)}, {"w": randn(4, 3)}
    reference, optimiser = (
        StackedAdamW(one, runs_of([slow, slow, fast, fast])) for one in (whole, parameters)
    )
    going = torch.tensor([1, 3])
    for step in range(4):
        gradient = randn(4, 3, seed=step)
        reference.step({"w": gradient}, [slow.lr, fast.lr])
        if step == 2:
            parameters = take(parameters, going)
            optimiser.keep(going, parameters, runs_of([slow, fast]))
        optimiser.step({"w": gradient if step < 2 else gradient[going]}, [slow.lr, fast.lr])
    assert torch.equal(parameters["w"], whole["w"][going])


def test_runs_are_as_long_as_their_hyperparameters_are_equal() -> None:
    one, two = Variant(0.1, 0.0), Variant(0.1, 0.2)
    assert runs_of([one, one, two, one]) == [
        Run(slice(0, 2), one),
        Run(slice(2, 3), two),
        Run(slice(3, 4), one),
    ]
    assert runs_of([]) == []


def test_every_column_keeps_its_best_weights_and_its_own_patience() -> None:
    areas = [[0.5, 0.9], [0.7, 0.8], [0.6, 0.7], [0.7, 0.95]]
    stopping = EarlyStopping({"w": torch.zeros(2, 1)}, patience=2)
    stopped = [
        stopping.update(
            epoch, torch.tensor(auc, dtype=torch.float64), {"w": torch.full((2, 1), float(epoch))}
        )
        for epoch, auc in enumerate(areas)
    ]
    assert [one.tolist() for one in stopped] == [
        [False, False],
        [False, False],
        [False, True],
        [True, False],
    ]
    assert stopping.best_epoch.tolist() == [1, 3]
    assert stopping.best["w"][:, 0].tolist() == [1.0, 3.0]


def test_nan_is_never_better() -> None:
    stopping = EarlyStopping({"w": torch.zeros(1, 1)}, patience=2)
    nan = torch.tensor([torch.nan], dtype=torch.float64)
    assert [bool(stopping.update(epoch, nan, {"w": torch.ones(1, 1)})) for epoch in range(2)] == [False, True]
    assert stopping.best_epoch.tolist() == [-1]
