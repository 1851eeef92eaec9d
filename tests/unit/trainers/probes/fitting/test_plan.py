"""The shared order, batches and dropout of training."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.trainers.probes.data import CPU
from trainers.common.activations.rows import ResidentRows
from trainers.probes.fitting import plan
from trainers.probes.fitting.plan import (
    BatchReader,
    BatchRng,
    DropoutShape,
    has_bfloat16_units,
    product_dtype,
)


def reader(n_rows: int, batch: int, dropout: DropoutShape, dtype: torch.dtype = torch.float32) -> BatchReader:
    x = torch.arange(1.0, n_rows + 1)[:, None].expand(n_rows, 3).contiguous()
    compute = torch.float64 if dtype == torch.float64 else torch.float32
    return BatchReader(ResidentRows(x.to(dtype)), batch, dropout, compute, dtype, CPU)


@settings(deadline=None)
@given(st.integers(1, 50), st.integers(1, 60), st.integers(0, 5))
def test_an_epoch_visits_every_example_once_with_its_targets(n_rows: int, batch: int, epoch: int) -> None:
    targets = (torch.arange(n_rows)[:, None] % torch.tensor([2, 3]) == 0).to(torch.uint8)
    seen = []
    for one in reader(n_rows, batch, DropoutShape(0.0, inputs=True)).epoch(7, epoch, targets):
        rows = one.x_BD[:, 0].long() - 1
        assert torch.equal(one.y_BC, targets[rows].float())
        assert one.keep == ()
        assert one.input_scale == 1.0
        seen += rows.tolist()
    assert sorted(seen) == list(range(n_rows))


def test_batches_are_the_same_whoever_prepares_them(monkeypatch: pytest.MonkeyPatch) -> None:
    targets = (torch.arange(50)[:, None] % 2).to(torch.uint8)
    seen = []
    for limit in (0, plan.SMALL_BATCH):
        monkeypatch.setattr(plan, "SMALL_BATCH", limit)
        batches = reader(50, 20, DropoutShape(0.3, inputs=True)).epoch(1, 2, targets)
        seen.append([(one.x_BD.clone(), one.y_BC.clone()) for one in batches])
    for threaded, plain in zip(*seen, strict=True):
        assert torch.equal(threaded[0], plain[0]) and torch.equal(threaded[1], plain[1])


def test_the_order_depends_on_seed_and_epoch_alone() -> None:
    def order(seed: int, epoch: int) -> list[int]:
        return BatchRng(seed, epoch, CPU).permutation(40).tolist()

    assert order(1, 2) == order(1, 2)
    assert len({tuple(order(*key)) for key in ((1, 2), (1, 3), (2, 2))}) == 3


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_dropped_inputs_are_zero_and_the_rest_untouched(dtype: torch.dtype) -> None:
    batches = reader(900, 300, DropoutShape(0.25, inputs=True), dtype).epoch(
        0, 0, torch.zeros(900, 1, dtype=torch.uint8)
    )
    values = [batch.x_BD.clone() for batch in batches]
    x = torch.cat(values)
    kept = x.amax(1, keepdim=True).expand_as(x)
    assert ((x == 0) | (x == kept)).all()
    assert 0.2 < (x == 0).float().mean().item() < 0.3


@pytest.mark.parametrize("rate", [0.0, 0.1, 0.5, 0.9])
def test_masks_drop_the_asked_share(rate: float) -> None:
    mask = torch.empty(500, 400, dtype=torch.bool)
    BatchRng(3, 1, CPU).keep_mask(mask, rate)
    # Four standard deviations of 200,000 draws.
    assert mask.float().mean().item() == pytest.approx(1 - rate, abs=4 * 0.5 / 200_000**0.5)


def test_hidden_dropout_leaves_the_inputs() -> None:
    targets = torch.zeros(10, 1, dtype=torch.uint8)
    for batch in reader(10, 4, DropoutShape(0.5, inputs=False, hidden=(8, 6))).epoch(0, 0, targets):
        assert [mask.shape for mask in batch.keep] == [(len(batch.x_BD), 8), (len(batch.x_BD), 6)]
        assert (batch.x_BD > 0).all()
        assert batch.input_scale == 1.0


def test_batches_of_another_type_than_the_activations_are_converted() -> None:
    x = torch.arange(7.0)[:, None].expand(7, 3).contiguous()
    narrow = BatchReader(
        ResidentRows(x), 4, DropoutShape(0.0, inputs=True), torch.float64, torch.float32, CPU
    )
    values = [batch.x_BD.clone() for batch in narrow.epoch(0, 0, torch.zeros(7, 1, dtype=torch.uint8))]
    assert {one.dtype for one in values} == {torch.float64}
    assert sorted(torch.cat(values)[:, 0].tolist()) == list(range(7))


def test_activations_are_multiplied_as_they_are_where_the_hardware_can() -> None:
    half, single, gpu = torch.bfloat16, torch.float32, torch.device("cuda")
    assert product_dtype(half, single, gpu) == half
    assert product_dtype(half, single, CPU) == (half if has_bfloat16_units() else single)
    assert product_dtype(single, single, CPU) == single
    assert product_dtype(single, torch.float64, CPU) == torch.float64
