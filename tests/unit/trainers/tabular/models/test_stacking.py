"""Stacked members compute what each of them computes alone."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from tests.unit.trainers.tabular.models import tables
from trainers.tabular.models.layers import Dropout
from trainers.tabular.models.registry import MODELS, ModelSpec, build
from trainers.tabular.models.stacking import stacked

STACKING = [name for name, model in MODELS.items() if model.stacks]


def members(name: str, count: int = 3) -> list[nn.Module]:
    spec = ModelSpec(name, tables.MIXED, tables.TWO_TARGETS_AND_VIABILITY, tables.SMALL[name])
    made = [build(spec).double() for _ in range(count)]
    for member in made:  # what begins at zero or one would hide a mistake
        for parameter in member.parameters():
            nn.init.uniform_(parameter, -0.5, 0.5)
    return made


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("name", STACKING)
def test_outputs_and_gradients_are_those_of_the_members(name: str, training: bool) -> None:
    apart = [member.train(training) for member in members(name)]
    together = stacked(apart)
    inputs = [tables.rows(tables.MIXED, 5, seed) for seed in range(3)]
    for network, numbers in ((together, range(3)), *((member, [m]) for m, member in enumerate(apart))):
        for module in network.modules():
            if isinstance(module, Dropout):
                module.generators = [torch.Generator().manual_seed(m) for m in numbers]
    numeric, categories = (torch.stack(parts) for parts in zip(*inputs, strict=True))
    outputs = together(numeric.double(), categories)
    outputs.square().sum().backward()
    for m, (member, (x, c)) in enumerate(zip(apart, inputs, strict=True)):
        alone = member(x.double(), c)
        alone.square().sum().backward()
        torch.testing.assert_close(outputs[m], alone, rtol=1e-12, atol=1e-12)
        pairs = zip(together.named_parameters(), member.named_parameters(), strict=True)
        for (name_together, parameter), (name_alone, own) in pairs:
            assert name_together == name_alone
            torch.testing.assert_close(parameter.grad[m], own.grad, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("name", STACKING)
def test_the_members_are_left_as_they_were(name: str) -> None:
    apart = members(name)
    before = {key: value.clone() for key, value in apart[0].state_dict().items()}
    together = stacked(apart)
    with torch.no_grad():
        for parameter in together.parameters():
            parameter.zero_()
    assert all(torch.equal(apart[0].state_dict()[key], value) for key, value in before.items())


def test_a_layer_with_parameters_and_no_twin_is_refused() -> None:
    with pytest.raises(TypeError, match="Bilinear has parameters and no stacked twin"):
        stacked([nn.Sequential(nn.Bilinear(2, 2, 1)) for _ in range(2)])
