"""Every network by name: sizes, outputs, what is refused, and weights that come back."""

from __future__ import annotations

import pytest
import torch

from tests.unit.trainers.tabular.models import tables
from trainers.common.errors import BadInput
from trainers.tabular.data.dataset import Columns, Problem
from trainers.tabular.models import registry
from trainers.tabular.models.layers import Dropout

PROBLEMS = (tables.REGRESSION, tables.BINARY, tables.MULTICLASS, tables.TWO_TARGETS_AND_VIABILITY)


def small(
    name: str, columns: Columns = tables.MIXED, problem: Problem = tables.REGRESSION
) -> registry.ModelSpec:
    return registry.ModelSpec(name, columns, problem, tables.SMALL[name])


@pytest.mark.parametrize(
    ("name", "parameters"), [("transformer", 795_777), ("tabular_transformer", 803_330), ("mlp", 1_411_713)]
)
def test_with_19_inputs_the_published_networks_have_their_published_sizes(name: str, parameters: int) -> None:
    network = registry.build(registry.ModelSpec(name, tables.NUMBERS, tables.REGRESSION))
    assert registry.count_parameters(network) == parameters


@pytest.mark.parametrize("problem", PROBLEMS)
@pytest.mark.parametrize("name", registry.MODELS)
def test_a_network_gives_the_outputs_of_its_problem(name: str, problem: Problem) -> None:
    numeric, categories = tables.rows(tables.MIXED, 20)
    network = registry.build(small(name, problem=problem), numeric).eval()
    assert network(numeric, categories).shape == (20, problem.outputs)


@pytest.mark.parametrize("columns", [Columns(("x0",)), Columns((), ("c0",), (3,))])
@pytest.mark.parametrize("name", registry.MODELS)
def test_a_table_may_be_of_numbers_or_of_categories_alone(name: str, columns: Columns) -> None:
    numeric, categories = tables.rows(columns, 20)
    network = registry.build(small(name, columns), numeric).eval()
    assert network(numeric, categories).isfinite().all()


@pytest.mark.parametrize("name", registry.MODELS)
def test_weights_come_back_into_a_network_that_predicts_the_same(name: str) -> None:
    numeric, categories = tables.rows(tables.MIXED, 20)
    spec = small(name, problem=tables.MULTICLASS)
    network = registry.build(spec, numeric).eval()
    loaded = registry.load(spec, network.state_dict())
    assert not loaded.training
    assert torch.equal(loaded(numeric, categories), network(numeric, categories))


@pytest.mark.parametrize("name", registry.MODELS)
def test_weights_of_another_table_are_refused(name: str) -> None:
    numeric, _ = tables.rows(tables.MIXED, 20)
    state = registry.build(small(name), numeric).state_dict()
    other = registry.ModelSpec(name, tables.NUMBERS, tables.REGRESSION, tables.SMALL[name])
    with pytest.raises(BadInput, match=f"are of another {name} than"):
        registry.load(other, state)


def test_a_size_that_a_model_does_not_have_is_refused_with_those_that_it_has() -> None:
    with pytest.raises(BadInput, match="mlp has no size depth; it has embedding, hidden, layers"):
        registry.build(registry.ModelSpec("mlp", tables.MIXED, tables.REGRESSION, {"depth": 3}))


@pytest.mark.parametrize("value", [0, 1.5])
def test_a_size_that_is_no_count_is_refused(value: float) -> None:
    with pytest.raises(BadInput, match="must be a whole number from 1"):
        registry.build(registry.ModelSpec("mlp", tables.MIXED, tables.REGRESSION, {"layers": value}))


def test_a_width_that_the_heads_cannot_share_is_refused() -> None:
    with pytest.raises(BadInput, match="a width of 130 is no multiple of 4 heads"):
        registry.build(registry.ModelSpec("transformer", tables.MIXED, tables.REGRESSION, {"width": 130}))


def test_classes_have_a_recipe_of_their_own_where_the_authors_have_one() -> None:
    assert registry.recipe("realmlp", tables.REGRESSION).learning_rate == 0.07
    assert registry.recipe("realmlp", tables.BINARY).learning_rate == 0.04
    assert registry.recipe("realmlp", tables.BINARY).label_smoothing == 0.1
    assert registry.recipe("mlp", tables.BINARY) == registry.recipe("mlp", tables.REGRESSION)


def test_rates_and_decays_are_whole_but_for_what_a_model_excepts() -> None:
    realmlp, ft = (registry.build(small(name)) for name in ("realmlp", "ft_transformer"))
    rates, decays = registry.rate_factors(realmlp), registry.decay_factors(ft)
    assert (rates["scale.value"], rates["hidden.0.bias"], rates["hidden.0.weight"]) == (6.0, 0.1, 1.0)
    assert (decays["read_out.value"], decays["head.weight"]) == (0.0, 1.0)
    assert set(registry.decay_factors(realmlp).values()) == {1.0}


def test_dropout_of_a_package_becomes_our_own() -> None:
    numeric, categories = tables.rows(tables.MIXED, 20)
    network = registry.with_own_dropout(registry.build(small("tabm"), numeric)).train()
    own = [module for module in network.modules() if isinstance(module, Dropout)]
    assert [module.share for module in own] == [0.1, 0.1]
    for module in own:
        module.generators = [torch.Generator().manual_seed(3)]
    before = torch.random.get_rng_state()
    network(numeric, categories)
    assert torch.equal(torch.random.get_rng_state(), before)
