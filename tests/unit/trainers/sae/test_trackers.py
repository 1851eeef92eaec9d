"""Trackers get the figures of every validation; those that are not there are told before training."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.support.runs import ROOT
from trainers.common.errors import BadInput, TrainerError
from trainers.sae.records import Records
from trainers.sae.trackers import PACKAGES, check_trackers, open_trackers


def test_names_and_packages_are_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(BadInput, match="--log mlflow: must be of tensorboard, wandb"):
        check_trackers(("mlflow",))
    monkeypatch.setitem(PACKAGES, "wandb", "a_package_that_is_not_there")
    with pytest.raises(TrainerError, match=r"--log wandb needs wandb: pip install 'twophase\[wandb\]'"):
        check_trackers(("wandb",))
    check_trackers(())


def test_each_has_an_extra_of_its_name() -> None:
    extras = (ROOT / "pyproject.toml").read_text()
    for name, package in PACKAGES.items():
        assert f'\n{name} = ["{package}>=' in extras


def test_tensorboard_gets_its_scalars(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    (tracker,) = open_trackers(("tensorboard",), tmp_path, {}, 0)
    for step in (5, 10):
        tracker.add(step, {"val_fvu": 1 / step})
    tracker.close()
    found = EventAccumulator(str(tmp_path / "tensorboard"))
    found.Reload()
    scalars = [(one.step, one.value) for one in found.Scalars("val_fvu")]
    assert scalars == [(5, pytest.approx(0.2)), (10, pytest.approx(0.1))]


@pytest.mark.parametrize(("environment", "mode"), [({}, "offline"), ({"WANDB_API_KEY": "k"}, "online")])
def test_wandb_is_offline_without_a_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], mode: str
) -> None:
    seen: list[Any] = []
    run = SimpleNamespace(
        log=lambda figures, step: seen.append((step, figures)), finish=lambda: seen.append("end")
    )
    wandb = SimpleNamespace(init=lambda **options: seen.append(options) or run)
    monkeypatch.setitem(sys.modules, "wandb", wandb)  # type: ignore[arg-type]
    for name in ("WANDB_MODE", "WANDB_PROJECT", "WANDB_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    (tracker,) = open_trackers(("wandb",), tmp_path / "new", {"k": 4}, 0)
    tracker.add(5, {"loss": 1.0})
    tracker.close()
    options = {"project": "twophase-sae", "dir": str(tmp_path / "new"), "config": {"k": 4}, "mode": mode}
    assert seen == [options, (5, {"loss": 1.0}), "end"]


def test_records_open_trackers_after_the_step_they_go_on_from(tmp_path: Path) -> None:
    seen: list[Any] = []
    tracker = SimpleNamespace(add=lambda *found: seen.append(found), close=lambda: seen.append("closed"))
    records = Records(tmp_path, lambda _: None, lambda after: [seen.append(after) or tracker])  # type: ignore[list-item]
    records.restore([{"step": 7, "loss": 1.0}])
    records.add({"step": 9, "loss": 0.5, "note": "text", "train_fvu": float("nan")})
    records.close()
    assert seen == [7, (9, {"step": 9, "loss": 0.5}), "closed"]
