"""Batches made on the device are those that a reader makes."""

from __future__ import annotations

import pytest
import torch

from tests.unit.trainers.probes.data import CPU
from trainers.common.activations.rows import ResidentRows
from trainers.probes.fitting.device.arithmetic import PlainArithmetic
from trainers.probes.fitting.device.batches import ResidentBatches
from trainers.probes.fitting.plan import BatchReader, DropoutShape
from trainers.probes.reading.inputs import Standardisation, standardised


@pytest.mark.parametrize(
    "dropout",
    [
        DropoutShape(0.0, inputs=True),
        DropoutShape(0.25, inputs=True),
        DropoutShape(0.5, inputs=False, hidden=(8, 6)),
    ],
)
def test_an_epoch_is_the_same_however_it_is_read(dropout: DropoutShape) -> None:
    x = torch.randn(50, 3, dtype=torch.float64)
    inputs = Standardisation(x.mean(0), 1 / x.std(0))
    targets = [(torch.arange(50)[:, None] % torch.tensor(of) == 0).to(torch.uint8) for of in ([2, 3], [5])]
    rows = ResidentRows(x)
    reader = BatchReader(standardised(rows, inputs), 16, dropout, torch.float64, torch.float64, CPU)
    ours = ResidentBatches(rows, inputs, 16, dropout, PlainArithmetic())
    for epoch in range(2):
        ours.begin(7, epoch)
        for expected in reader.shared_epoch(7, epoch, targets):
            found = ours.take(len(expected[0].x_BD), targets)
            for one, other in zip(found, expected, strict=True):
                assert torch.equal(one.x_BD, other.x_BD) and torch.equal(one.y_BC, other.y_BC.to(torch.uint8))
                assert one.input_scale == other.input_scale and len(one.keep) == len(other.keep)
                assert all(torch.equal(a, b) for a, b in zip(one.keep, other.keep, strict=True))


def test_batches_are_no_larger_than_there_are_rows() -> None:
    batches = ResidentBatches(
        ResidentRows(torch.ones(3, 2)), None, 16, DropoutShape(0.0, inputs=True), PlainArithmetic()
    )
    assert batches.size == 3 and batches.generators == []
