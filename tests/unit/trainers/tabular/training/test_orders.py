"""Orders of rows and generators: each member's own, whoever else is trained."""

from __future__ import annotations

import pytest
import torch

from tests.unit.trainers.tabular.training import made
from trainers.tabular.models.layers import Dropout
from trainers.tabular.training.orders import Streams, epoch_order, share_of


def test_an_epoch_has_every_row_at_most_once_and_only_whole_steps() -> None:
    member = made.member(train=torch.arange(100, 150))
    order = epoch_order([member], 16, 0)
    assert order.shape == (3, 1, 16)
    rows = order.flatten().tolist()
    assert len(set(rows)) == 48
    assert set(rows) <= set(range(100, 150))


def test_the_order_of_a_member_is_its_own_and_another_in_every_epoch() -> None:
    alone = epoch_order([made.member(1)], 16, 2)
    together = epoch_order([made.member(0), made.member(1)], 16, 2)
    assert torch.equal(alone[:, 0], together[:, 1])
    assert not torch.equal(together[:, 0], together[:, 1])
    assert not torch.equal(alone, epoch_order([made.member(1)], 16, 3))


def test_a_member_with_fewer_steps_is_given_rows_for_those_that_it_sits_out() -> None:
    few = made.member(1, train=torch.arange(20))
    order = epoch_order([made.member(0), few], 16, 0)
    assert order.shape == (5, 2, 16)
    assert torch.equal(order[4, 1], order[0, 1])


@pytest.mark.parametrize(("rows", "batch", "steps"), [(80, 16, 5), (81, 16, 5), (7, 7, 1)])
def test_fewer_rows_than_a_batch_are_one_step(rows: int, batch: int, steps: int) -> None:
    share = share_of(made.member(train=torch.arange(rows)), 16)
    assert (share.batch, share.steps) == (batch, steps)


def test_what_dropout_draws_depends_on_seed_and_epoch_alone() -> None:
    network, streams = Dropout(0.5), Streams([made.member(3)], torch.device("cpu"))
    streams.give(network)
    x = torch.ones(50)
    drawn = []
    for epoch in (0, 1, 0):
        streams.start(epoch)
        drawn.append(network(x))
    assert torch.equal(drawn[0], drawn[2])
    assert not torch.equal(drawn[0], drawn[1])


def test_streams_of_some_members_are_those_that_they_had() -> None:
    streams = Streams([made.member(seed) for seed in range(3)], torch.device("cpu"))
    streams.start(0)
    kept = streams.kept([2, 0])
    assert kept.generators == [streams.generators[2], streams.generators[0]]
    kept.start(1)
    streams_of_two = Streams([made.member(2)], torch.device("cpu"))
    streams_of_two.start(1)
    drawn = [torch.rand(3, generator=found.generators[0]) for found in (kept, streams_of_two)]
    assert torch.equal(*drawn)
