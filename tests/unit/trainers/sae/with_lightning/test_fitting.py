"""Lightning's Trainer gives the losses of our own loop, step by step, and the same results."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.unit.trainers.sae.data import log, quiet, request, write
from trainers.sae.files.loading import load_sae
from trainers.sae.run import Request
from trainers.sae.training import StepReport, Training

pytest.importorskip("lightning")

from trainers.sae.with_lightning import fitting, module
from trainers.sae.with_lightning.module import SaeModule

WIDE: dict[str, Any] = {"precision": "float64", "max_epochs": 4, "batch_size": 48, "learning_rate": 3e-3}
L1: dict[str, Any] = {"normalise": False, "weight_decay": 1e-2, "schedule": "restarts", "clip_norm": 0.0}
CASES: dict[str, dict[str, Any]] = {
    "relu": {"architecture": "relu", **L1, "learning_rate": 3e-2, "max_epochs": 12},
    "relu tied": {"architecture": "relu", "tied_weights": True, **L1},
    "relu scaled, clipped": {"architecture": "relu", "normalise": True, "clip_norm": 0.05},
    "gelu": {"architecture": "gelu", **L1},
    "gelu tied": {"architecture": "gelu", "tied_weights": True, **L1},
    "relu, two batches a step": {"architecture": "relu", **L1, "accumulate": 2},
    "relu, rate lowered": {
        "architecture": "relu",
        **L1,
        "schedule": "plateau",
        "learning_rate": 0.3,
        "val_per_epoch": 1,
        "optimizer": "adam",
        "max_epochs": 16,
    },
    "topk": {"architecture": "topk"},
    "topk with dead latents": {
        "architecture": "topk",
        "dead_after": 64,
        "aux_coef": 1.0,
        "learning_rate": 1e-3,
    },
}


def losses(monkeypatch: pytest.MonkeyPatch, kind: type, name: str, found: Any, train: Any) -> list[float]:
    """Return what `kind.name` gives in each step of a training, by `found`."""
    seen: list[float] = []
    original = getattr(kind, name)

    def listens(self: Any, *given: Any) -> Any:
        result = original(self, *given)
        seen.append(found(result))
        return result

    with monkeypatch.context() as patch:
        patch.setattr(kind, name, listens)
        train()
    return seen


def with_lightning(asked: Request) -> Request:
    return replace(asked, settings=replace(asked.settings, engine="lightning"), num_workers=0)


@pytest.mark.parametrize("case", CASES)
def test_both_engines_give_the_same_losses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, case: str
) -> None:
    path, options = write(tmp_path), {**WIDE, **CASES[case]}
    own, theirs = (request(tmp_path / name, path, **options) for name in ("own", "lightning"))

    def of_report(report: StepReport) -> float:
        return report.loss

    by_loop = losses(monkeypatch, Training, "gather", of_report, lambda: quiet(own))
    by_trainer = losses(
        monkeypatch, SaeModule, "training_step", torch.Tensor.item, lambda: quiet(with_lightning(theirs))
    )
    assert len(by_loop) == len(by_trainer) >= 12 and len(set(by_loop)) == len(by_loop)
    assert by_trainer == pytest.approx(by_loop, rel=1e-9)


def test_results_are_those_of_our_own_loop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, here = write(tmp_path), tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    options = {**WIDE, **CASES["relu"], "max_epochs": 4, "val_per_epoch": 1}
    own = quiet(request(tmp_path / "own", path, **options))
    theirs = quiet(with_lightning(request(tmp_path / "lightning", path, **options)))
    assert theirs.evaluation.fvu == pytest.approx(own.evaluation.fvu, rel=1e-9)
    x = torch.randn(5, 12, generator=torch.Generator().manual_seed(0)).double()
    torch.testing.assert_close(load_sae(theirs.path).reconstruct(x), load_sae(own.path).reconstruct(x))
    ours, told = (log(tmp_path / name) for name in ("own", "lightning"))
    for name in ("epoch", "step", "val_loss"):
        assert [one[name] for one in told] == pytest.approx([one[name] for one in ours], rel=1e-9), name
    assert len(list((tmp_path / "lightning" / "checkpoints").glob("step_*.ckpt"))) == 3
    assert not any(here.iterdir())


class Killed(Exception):
    pass


def test_what_was_killed_begins_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, options = write(tmp_path), {**WIDE, **CASES["relu"], "max_epochs": 3}
    whole = quiet(with_lightning(request(tmp_path / "whole", path, **options)))
    asked = with_lightning(request(tmp_path / "broken", path, **options))

    def dies(*_: Any) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(fitting, "_fitted", dies)
        with pytest.raises(Killed):
            quiet(asked)
    again = quiet(asked)
    assert again.path.read_bytes() == whole.path.read_bytes()
    assert log(tmp_path / "broken") == log(tmp_path / "whole")
    assert len(list((tmp_path / "broken" / "checkpoints").glob("*.ckpt"))) == 3


def test_it_ends_early_and_before_its_first_validation(tmp_path: Path) -> None:
    path = write(tmp_path)
    options = {**L1, "architecture": "relu", "schedule": "constant"}
    quiet(
        with_lightning(request(tmp_path / "e", path, **options, max_epochs=90, learning_rate=0.3, patience=2))
    )
    assert log(tmp_path / "e")[-1]["epoch"] < 90
    trained = quiet(with_lightning(request(tmp_path / "s", path, **options, max_steps=1)))
    assert load_sae(trained.path).metadata["training_steps"] == 1


def test_precision_is_the_usual_one() -> None:
    cpu, cuda = torch.device("cpu"), torch.device("cuda")
    assert fitting.precision_of("auto", cuda) == "16-mixed"
    assert fitting.precision_of("auto", cpu) == "bf16-mixed"  # what Lightning makes of 16-mixed there
    assert fitting.precision_of("float32", cuda) == "32-true"
    assert module.BETAS == (0.9, 0.999)
