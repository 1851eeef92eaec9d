"""Which steps are recorded, and when anew."""

from __future__ import annotations

import torch

from tests.support.recorded_steps import Recorder
from tests.unit.trainers.probes.fitting.device.fakes import recorded_by
from trainers.common.activations.rows import ResidentRows
from trainers.common.cuda_graphs import WARM_UP
from trainers.probes.fitting.device.arithmetic import PlainArithmetic
from trainers.probes.fitting.device.batches import ResidentBatches
from trainers.probes.fitting.device.steps import RecordedSteps
from trainers.probes.fitting.plan import Batch, DropoutShape


class Counting:
    """Notes the sizes of its batches."""

    def __init__(self) -> None:
        self.sizes: list[int] = []

    def step(self, batch: Batch) -> None:
        self.sizes.append(len(batch.x_BD))
        assert len(batch.y_BC) == len(batch.x_BD)


def test_whole_steps_are_recorded_once_and_again_where_targets_are_others() -> None:
    recorder, rows = Recorder(), ResidentRows(torch.zeros(10 * WARM_UP + 2, 3))
    batches = ResidentBatches(rows, None, 5, DropoutShape(0.0, inputs=True), PlainArithmetic())
    steps = RecordedSteps(batches, rows.n_rows, recorded_by(recorder).whole)
    jobs, targets = (
        [Counting(), Counting()],
        [torch.zeros(rows.n_rows, 1, dtype=torch.uint8) for _ in range(3)],
    )
    whole = 2 * WARM_UP
    for epoch in range(2):
        steps.epoch(0, epoch, jobs, targets[:2])
    assert recorder.said == ["aside"] * WARM_UP + ["record"] + ["repeat"] * (2 * whole - WARM_UP)
    assert jobs[0].sizes == jobs[1].sizes == ([5] * whole + [2]) * 2
    steps.epoch(0, 2, jobs[:1], targets[1:2])
    steps.epoch(0, 3, jobs[:1], targets[2:])
    assert recorder.said.count("record") == 3
