"""Targets: transforms, there and back; what a logarithm cannot take, and targets that teach nothing."""

from __future__ import annotations

import json

import pytest
import torch

from trainers.common.errors import BadInput
from trainers.tabular.data.targets import TRANSFORMS, TargetStatistics, Transform

NAN = float("nan")


def positive(n: int = 200) -> torch.Tensor:
    noise = torch.randn(n, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    return torch.exp(2 * noise)


@pytest.mark.parametrize("kind", TRANSFORMS)
def test_targets_come_back_in_their_units(kind: Transform) -> None:
    y = positive()
    found = TargetStatistics.fit((kind, "none"), y, ("a", "b"))
    inner = y[(y[:, 0] > y[:, 0].min()) & (y[:, 0] < y[:, 0].max())]
    torch.testing.assert_close(found.invert(found.apply(inner)), inner, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("kind", TRANSFORMS)
def test_what_is_trained_on_is_standardised(kind: Transform) -> None:
    prepared = TargetStatistics.fit((kind,), positive()[:, :1], ("a",)).apply(positive()[:, :1])
    assert prepared.mean().item() == pytest.approx(0, abs=1e-6)
    assert prepared.std().item() == pytest.approx(1, abs=1e-6)


def test_members_are_inverted_at_once() -> None:
    found = TargetStatistics.fit(("log", "none"), positive(), ("a", "b"))
    predicted = torch.randn(3, 5, 2, dtype=torch.float64)
    assert found.invert(predicted)[1].equal(found.invert(predicted[1]))


def test_rows_without_a_valid_target_are_left_alone() -> None:
    y = torch.tensor([[1.0, NAN], [NAN, 4.0], [3.0, 6.0]])
    for kind in ("none", "asinh", "quantile"):
        found = TargetStatistics.fit((kind, kind), y, ("a", "b")).apply(y)
        assert torch.isnan(found).tolist() == [[False, True], [True, False], [False, False]]


def test_a_value_that_has_no_logarithm_is_not_valid() -> None:
    found = TargetStatistics.fit(("log",), torch.tensor([[1.0], [2.0]]), ("a",))
    assert torch.isnan(found.apply(torch.tensor([[-1.0], [0.0], [1.0]]))).flatten().tolist() == [
        True,
        True,
        False,
    ]


def test_statistics_come_back_from_json() -> None:
    found = TargetStatistics.fit(("quantile", "asinh"), positive(), ("a", "b"))
    back = TargetStatistics.from_json(json.loads(json.dumps(found.to_json())))
    assert back.apply(positive()).equal(found.apply(positive()))
    assert back.invert(positive()).equal(found.invert(positive()))


@pytest.mark.parametrize(
    ("kind", "y", "told"),
    [
        ("log", [[1.0], [0.0], [-2.0]], "2 of 3 training rows are not above 0"),
        ("none", [[NAN], [NAN]], "no training row has a valid value"),
        ("asinh", [[3.0], [3.0]], "is 3 in every training row"),
    ],
)
def test_targets_that_cannot_be_learned_are_told(kind: Transform, y: list[list[float]], told: str) -> None:
    with pytest.raises(BadInput, match=f"target 'a': {told}"):
        TargetStatistics.fit((kind,), torch.tensor(y), ("a",))
