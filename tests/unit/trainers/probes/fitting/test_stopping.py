"""Each probe of a stack stops by itself, and keeps its best weights."""

from __future__ import annotations

import math

import torch

from trainers.probes.fitting.stopping import EarlyStopping


def weights(*values: float) -> dict[str, torch.Tensor]:
    return {"w": torch.tensor(values, dtype=torch.float32)}


def aucs(*values: float) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64)


def test_each_column_keeps_the_weights_of_its_own_best_epoch() -> None:
    stopping = EarlyStopping(weights(0, 0), patience=2)
    stopping.update(0, aucs(0.6, 0.5), weights(1, 10))
    stopping.update(1, aucs(0.5, 0.7), weights(2, 20))
    assert stopping.best["w"].tolist() == [1, 20]
    assert (stopping.best_epoch.tolist(), stopping.best_auc.tolist()) == ([0, 1], [0.6, 0.7])


def test_an_equal_auc_is_no_better() -> None:
    stopping = EarlyStopping(weights(0), patience=9)
    for epoch in range(3):
        stopping.update(epoch, aucs(0.6), weights(float(epoch)))
    assert stopping.best_epoch.tolist() == [0] and stopping.best["w"].tolist() == [0]


def test_patience_counts_from_the_best_epoch_or_from_the_start() -> None:
    stopping = EarlyStopping(weights(0, 0), patience=2)
    out = [stopping.update(epoch, aucs(0.6, math.nan), weights(1, 1)).tolist() for epoch in range(3)]
    assert out == [[False, False], [False, True], [True, True]]
    assert stopping.best_epoch.tolist() == [0, -1] and stopping.best_auc[1] == -math.inf


def test_the_others_go_on_where_some_have_stopped() -> None:
    stopping = EarlyStopping(weights(1, 2, 3), patience=2)
    stopping.update(0, aucs(0.1, 0.2, 0.3), weights(4, 5, 6))
    stopping.keep(torch.tensor([2, 0]))
    assert stopping.best["w"].tolist() == [6, 4] and stopping.best_auc.tolist() == [0.3, 0.1]


def test_weights_that_go_on_changing_do_not_change_the_best() -> None:
    stopping = EarlyStopping(weights(0), patience=2)
    now = weights(1)
    stopping.update(0, aucs(0.5), now)
    now["w"] += 1
    assert stopping.best["w"].tolist() == [1]
