"""RealMLP against a training recorded from its authors' package: outputs with the weights of each step."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from trainers.tabular.data.dataset import Columns
from trainers.tabular.models.layers import Mish
from trainers.tabular.models.realmlp import RealMlp, RealMlpSizes

RECORDED = json.loads((Path(__file__).parent / "cases" / "realmlp.json").read_text())
COLUMNS = Columns(tuple(f"x{number}" for number in range(6)))
NO_CATEGORIES = torch.zeros(16, 0, dtype=torch.int64)


def network(kind: str) -> RealMlp:
    regression = kind == "regression"
    return RealMlp(COLUMNS, 1 if regression else 3, RealMlpSizes(5, 2), regression=regression)


def given(network: RealMlp, weights: dict[str, Any]) -> RealMlp:
    given = {name: torch.tensor(value) for name, value in weights.items()}
    network.load_state_dict({**network.state_dict(), **given})
    return network


@pytest.mark.parametrize("kind", ["regression", "multiclass"])
def test_outputs_are_those_of_the_package_at_every_step(kind: str) -> None:
    recorded, ours = RECORDED[kind], network(kind)
    states = [recorded["initial"], *(step["after"] for step in recorded["steps"])]
    for step, weights in zip(recorded["steps"], states, strict=False):
        outputs = given(ours, weights)(torch.tensor(step["inputs"]), NO_CATEGORIES)
        torch.testing.assert_close(outputs, torch.tensor(step["outputs"]), rtol=1e-5, atol=1e-6)


def test_weights_begin_as_the_packages_do() -> None:
    """Normal in the hidden layers, zeros in the last one, ones as the scale."""
    torch.manual_seed(0)
    drawn = RealMlp(COLUMNS, 1, RealMlpSizes(400, 1), regression=True)
    weights = torch.cat([drawn.hidden[0].weight.flatten(), drawn.hidden[0].bias]).detach()
    assert abs(float(weights.mean())) < 0.05
    assert abs(float(weights.std()) - 1) < 0.05
    assert not drawn.head.weight.any()
    assert not drawn.head.bias.any()
    assert bool((drawn.scale.value == 1).all())


def test_classes_are_told_apart_by_selu_and_values_by_mish() -> None:
    assert isinstance(network("regression").activation, Mish)
    assert isinstance(network("multiclass").activation, nn.SELU)


@pytest.mark.parametrize("kind", ["regression", "multiclass"])
def test_rates_of_parameters_are_those_of_the_package(kind: str) -> None:
    ours = network(kind)
    rates = RECORDED[kind]["steps"][1]["rates"]
    for name, factor in ours.rate_factors().items():
        assert rates[name] / rates["hidden.0.weight"] == pytest.approx(factor)
    assert set(rates) == set(dict(ours.named_parameters()))


def test_columns_of_categories_are_scaled_and_clipped_as_numbers_are() -> None:
    """A third of the rows has a quartile range of 1, a tenth half a range of ½, no row has nothing."""
    fitted = RealMlp(Columns(("x0",), ("c0", "c1"), (5, 3)), 1, RealMlpSizes(5, 2), regression=True)
    number = torch.arange(60)
    fitted.fit_categories(torch.stack([number % 3 + 1, (number % 10 > 0) + 1], 1))
    once, twice = (value / (1 + (value / 3) ** 2) ** 0.5 for value in (1.0, 2.0))
    absent, present = fitted.categories.absent_K, fitted.categories.present_K
    torch.testing.assert_close(present, torch.tensor([once, once, once, 0, twice, 0]))
    torch.testing.assert_close(absent, torch.tensor([0, 0, 0, 0, 0, -twice]))
