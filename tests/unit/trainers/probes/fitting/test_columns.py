"""The columns of one job: what an epoch leaves of them, and what comes out when they stop."""

from __future__ import annotations

from dataclasses import replace

import torch

from tests.support.recorded_steps import Recorder
from tests.unit.trainers.probes.data import gaussian_classes, layer_of
from tests.unit.trainers.probes.fitting.device.fakes import recorded_by
from trainers.probes.fitting.columns import Columns, Trainee
from trainers.probes.fitting.plan import Batch
from trainers.probes.settings import Settings

SETTINGS = Settings(dtype="float64", epochs=3, patience=1, lrs=(1e-2, 1e-3), inputs="raw")


def columns() -> Columns:
    return Columns(Trainee(layer_of(gaussian_classes(), SETTINGS), SETTINGS, [1, 3]), None)


def logits(*good: bool) -> torch.Tensor:
    """Return validation logits under which a column ranks every example rightly, or wrongly."""
    layer = layer_of(gaussian_classes(), SETTINGS)
    labels = layer.targets["val"][:, [1, 3, 1, 3]].t().double()
    return (labels * 2 - 1) * torch.tensor(good).double().mul(2).sub(1)[:, None]


def test_every_probe_has_a_column_under_every_rate() -> None:
    made = columns()
    assert len(made) == 4
    forward, count = made.plain_model()
    assert count == 4 and forward(torch.zeros(5, 8, dtype=torch.float64)).shape == (5, 4)
    assert made.begin(0).shape == (90, 4)


def test_a_probe_finishes_with_its_last_rate_and_keeps_the_best() -> None:
    made = columns()
    ends = []
    for epoch, good in enumerate([(True, True, False, False), (True, True, True, True)]):
        targets = made.begin(epoch)
        x = torch.zeros(90, 8, dtype=torch.float64)
        made.step(Batch(x, targets.double(), (), 1.0))
        ends.append([one.probe for one in made.end(epoch, logits(*good))])
    assert ends == [[], []] and len(made) == 2, "an equal AUC is no better: the first rate has stopped"
    made.begin(2)
    last = made.end(2, logits(True, True, True, True)[:2])
    assert [one.probe for one in last] == [1, 3] and len(made) == 0
    assert [one.stop_epoch for one in last[0].results] == [2, 3]
    assert (last[0].chosen.variant["lr"], last[0].chosen.best_epoch) == (1e-2, 1)
    assert last[0].history["val_auc"] == [1.0, 1.0]


def test_recorded_steps_keep_columns_that_are_over_until_a_quarter_is() -> None:
    settings = replace(SETTINGS, lrs=(1e-2,), epochs=9)
    layer = layer_of(gaussian_classes(classes=5), settings)
    made = Columns(Trainee(layer, settings, range(5)), None, recorded_by(Recorder()))
    labels = layer.targets["val"].t().double()
    told = []
    for epoch, right in enumerate([(1, 1, 1, 1, 1), (0, 1, 1, 1, 1), (0, 0, 1, 1, 1)]):
        made.begin(epoch)
        rising = epoch + torch.arange(5)[:, None] * 0
        noise = torch.linspace(-1, 1, labels.shape[1]) * (2 - 0.5 * rising)
        scores = torch.where(torch.tensor(right)[:, None] > 0, labels + noise, -labels)
        told.append(([one.probe for one in made.end(epoch, scores)], len(made)))
    assert told == [([], 5), ([0], 5), ([1], 3)]
