"""What trainings say of how far they are."""

from __future__ import annotations

import json
from typing import Any

import pytest

from master.web.api import reports as module
from master.web.api.reports import MOST_KEPT, Report, Reports, reports_of_log, told

FIGURES = {"loss": 3.0, "train_mse": 2.0, "train_penalty": 1.0, "l0": 9.0}


def said(epoch: Any, attempt: int = 1, **figures: float) -> dict[str, Any]:
    return {"at": 1.0, "attempt": attempt, "epoch": epoch, "epochs": 5.0, "metrics": figures or FIGURES}


def heard(number: int, *items: dict[str, Any], start: str = "a") -> dict[str, Any]:
    return {"start": start, "number": number, "jobs": {"job": list(items)}}


def epochs(reports: Reports) -> list[int]:
    return [each.epoch for each in reports.of("job")]


def test_reports_are_put_behind_those_that_are_known() -> None:
    reports = Reports()
    assert reports.take(heard(2, said(1.0), said(2.0, loss=2.0)))
    assert reports.take(heard(4, said(2.0, loss=1.0), said(3.0)))
    assert (epochs(reports), reports.number) == ([1, 2, 3], 4)
    assert told(reports.of("job")).metrics["train_loss"] == [3.0, 1.0, 3.0]


def test_another_start_is_asked_from_the_beginning() -> None:
    reports = Reports()
    assert reports.take(heard(9, said(3.0)))
    assert not reports.take(heard(0, start="b")) and reports.number == 0
    assert reports.take(heard(1, said(4.0), start="b"))
    assert epochs(reports) == [3, 4]


def test_the_last_ones_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    reports = Reports()
    reports.take(heard(1, *(said(float(number)) for number in range(30))))
    assert len(reports.of("job")) == MOST_KEPT
    monkeypatch.setattr(module, "MOST_TRAININGS", 1)
    reports.take({"start": "a", "number": 2, "jobs": {"other": [said(1.0)]}})
    assert not reports.of("job") and reports.of("other")


@pytest.mark.parametrize("epoch", [None, "1", True, float("nan"), 10**400])
def test_what_says_no_epoch_is_none(epoch: object) -> None:
    assert Report.of(said(epoch)) is None


def test_how_far_a_training_is() -> None:
    reports = Reports()
    assert (told(reports.of("job")).epoch, told([]).metrics) == (0, {})
    reports.take(heard(1, said(1.0), said(2.0, l0=1.0)))
    found = told(reports.of("job"))
    assert (found.epoch, found.epochs) == (2, 5)
    assert found.metrics == {"train_loss": [3.0], "reconstruction_loss": [2.0], "sparsity_loss": [1.0]}


def test_a_log_tells_each_epoch_by_its_last_record() -> None:
    records = [{"epoch": 1, "loss": 3.0}, {"epoch": 1, "loss": 2.0}, {"epoch": 2, "loss": 1.0, "x": "text"}]
    found = reports_of_log([json.dumps(each) for each in [*records, [], {"step": 1}]], 1, 7, 4.0)
    assert [(each.epoch, each.figures["loss"], each.epochs) for each in found] == [(1, 2.0, 7), (2, 1.0, 7)]
    assert "x" not in found[-1].figures


@pytest.mark.parametrize("line", ["{", "[" * 100_000])
def test_what_is_no_log(line: str) -> None:
    with pytest.raises(ValueError):
        reports_of_log([line], 1, 1, 0.0)
