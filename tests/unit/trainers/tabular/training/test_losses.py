"""Losses of members against torch's, row by row and with rows that only fill up."""

from __future__ import annotations

import torch
from torch.nn import functional

from tests.unit.trainers.tabular.models import tables
from trainers.tabular.training.losses import summed


def test_of_a_regression_it_is_the_mean_squared_error_of_each_member() -> None:
    outputs, targets = torch.randn(2, 5, 1), torch.randn(2, 5, 1)
    found = summed(tables.REGRESSION, outputs, targets).mean
    expected = torch.stack([functional.mse_loss(outputs[m], targets[m]) for m in range(2)])
    torch.testing.assert_close(found, expected)


def test_targets_that_a_row_does_not_have_do_not_count() -> None:
    outputs = torch.randn(1, 4, 3, requires_grad=True)
    targets = torch.randn(1, 4, 2)
    targets[0, 1] = torch.nan
    loss = summed(tables.TWO_TARGETS_AND_VIABILITY, outputs, targets).mean
    left = [0, 2, 3]
    values = functional.mse_loss(outputs[0, left, :2], targets[0, left])
    viable = torch.tensor([1.0, 0.0, 1.0, 1.0])
    expected = values + functional.binary_cross_entropy_with_logits(outputs[0, :, 2], viable)
    torch.testing.assert_close(loss[0], expected)
    (gradient,) = torch.autograd.grad(loss.sum(), outputs)
    assert gradient.isfinite().all()
    assert not gradient[0, 1, :2].any()


def test_a_batch_without_any_valid_target_teaches_nothing() -> None:
    outputs = torch.randn(1, 4, 1, requires_grad=True)
    loss = summed(tables.REGRESSION, outputs, torch.full((1, 4, 1), torch.nan)).mean
    (gradient,) = torch.autograd.grad(loss.sum(), outputs)
    assert loss.item() == 0
    assert not gradient.any()


def test_of_classes_it_is_the_smoothed_cross_entropy() -> None:
    outputs, targets = torch.randn(2, 6, 3), torch.randint(0, 3, (2, 6))
    found = summed(tables.MULTICLASS, outputs, targets, smoothing=0.1).mean
    expected = [functional.cross_entropy(outputs[m], targets[m], label_smoothing=0.1) for m in range(2)]
    torch.testing.assert_close(found, torch.stack(expected))


def test_of_two_classes_one_logit_is_what_two_would_be() -> None:
    logit, targets = torch.randn(1, 6, 1), torch.randint(0, 2, (1, 6))
    two = torch.cat([torch.zeros_like(logit), logit], -1)
    found = summed(tables.BINARY, logit, targets, smoothing=0.1).mean
    expected = functional.cross_entropy(two[0], targets[0], label_smoothing=0.1)
    torch.testing.assert_close(found[0], expected)


def test_predictions_that_are_trained_apart_each_have_a_loss_of_their_own() -> None:
    outputs, targets = torch.randn(1, 5, 4, 1), torch.randn(1, 5, 1)
    found = summed(tables.REGRESSION, outputs, targets).mean
    apart = [functional.mse_loss(outputs[0, :, k], targets[0]) for k in range(4)]
    torch.testing.assert_close(found[0], torch.stack(apart).mean())
    classes = torch.randint(0, 3, (1, 5))
    logits = torch.randn(1, 5, 4, 3)
    found = summed(tables.MULTICLASS, logits, classes).mean
    apart = [functional.cross_entropy(logits[0, :, k], classes[0]) for k in range(4)]
    torch.testing.assert_close(found[0], torch.stack(apart).mean())


def test_rows_that_fill_up_do_not_count_and_parts_add_up() -> None:
    for problem, width in ((tables.TWO_TARGETS_AND_VIABILITY, 3), (tables.MULTICLASS, 3)):
        outputs = torch.randn(1, 6, width)
        targets = torch.randn(1, 6, 2) if problem.kind == "regression" else torch.randint(0, 3, (1, 6))
        whole = summed(problem, outputs[:, :5], targets[:, :5]).mean
        counted = torch.tensor([[1.0, 1, 1, 1, 1, 0]])
        torch.testing.assert_close(summed(problem, outputs, targets, counted).mean, whole)
        first, second = (
            summed(problem, outputs[:, part], targets[:, part]) for part in (slice(2), slice(2, 5))
        )
        torch.testing.assert_close((first + second).mean, whole)


def test_a_loss_of_rounded_outputs_is_added_up_in_float32() -> None:
    outputs = torch.randn(1, 5, 1).bfloat16()
    assert summed(tables.REGRESSION, outputs, torch.randn(1, 5, 1)).mean.dtype == torch.float32
