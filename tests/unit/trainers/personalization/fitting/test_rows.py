"""Parameters as rows: where they lie, and what is left when networks are cut out."""

from __future__ import annotations

import torch

from tests.unit.trainers.personalization.fitting.stacks import SPEC, weights
from trainers.personalization.fitting.moments import Moments
from trainers.personalization.fitting.rows import Layout, Rows, lie_as_one


def networks(count: int) -> list[torch.nn.Sequential]:
    return [SPEC.build() for _ in range(count)]


def test_a_row_has_all_parameters_and_each_begins_where_memory_is_aligned() -> None:
    network = SPEC.build()
    layout, flat = Layout.of(network), weights(network)
    assert torch.equal(layout.flat(layout.row(flat)), flat)
    assert all(start % 16 == 0 for start in layout.starts)
    views = layout.views(layout.row(flat)[None])
    for parameter, view in zip(network.parameters(), views, strict=True):
        assert torch.equal(parameter, view[0])


def test_those_that_are_kept_are_as_they_were() -> None:
    all_of_them = networks(4)
    rows = Rows(all_of_them, [Moments.of(one) for one in all_of_them], averaged=True)
    rows.keep_best(torch.tensor([1]))
    expected = [weights(all_of_them[number]) for number in (1, 3)]
    rows.cut(torch.tensor([1, 3]))
    for row, flat in enumerate(expected):
        assert torch.equal(rows.layout.flat(rows.values[row]), flat)
        assert torch.equal(rows.moments(row, 5).average, flat)
    leaves = rows.first(2).leaves
    assert [leaf.shape[0] for leaf in leaves] == [2] * len(leaves)


def test_a_network_is_given_its_row_as_one_vector() -> None:
    one, other = networks(2)
    rows = Rows([one], [Moments.of(one)], averaged=False)
    rows.put(rows.values[0], other)
    assert torch.equal(weights(other), weights(one))
    assert len({parameter.untyped_storage().data_ptr() for parameter in other.parameters()}) == 1


def test_best_weights_from_before_are_remembered_by_name() -> None:
    one, other = networks(2)
    rows = Rows([one], [Moments.of(one)], averaged=False)
    rows.remember(0, one, other.state_dict())
    assert torch.equal(rows.layout.flat(rows.best[0]), weights(other))


def test_parameters_that_lay_apart_lie_as_one_vector() -> None:
    (network,) = networks(1)
    before = weights(network).clone()
    lie_as_one(network)
    assert torch.equal(weights(network), before)
    assert len({parameter.untyped_storage().data_ptr() for parameter in network.parameters()}) == 1
