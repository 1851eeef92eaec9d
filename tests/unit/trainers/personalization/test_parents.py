"""Base models that start from others: everybody else, then a group of them, then one person."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from tests.unit.trainers.personalization.results import read
from worker_agent.protocol import script_contract

Run = Callable[..., int]
GROUP = ("--n_base_participants", "1")
STILL = ("--lr", "1e-12", "--average", "0")
"""A training that changes nothing to speak of."""


@pytest.fixture
def parent(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The base model of everybody but bob, from which those that follow start."""
    assert run("root", "--mode", "base_only") == 0
    folder = tmp_path / "parent"
    (tmp_path / "base_model").rename(folder)
    monkeypatch.setenv(script_contract.PARENT_MODEL_DIR, str(folder))
    return folder


def weights(folder: Path) -> torch.Tensor:
    saved = torch.load(folder / "best_base_model.pt", weights_only=True)["weights"]
    return torch.cat([tensor.flatten() for tensor in saved.values()])


def test_a_child_begins_with_the_weights_of_its_parent(run: Run, parent: Path, tmp_path: Path) -> None:
    assert run("child", "--mode", "base_only", *GROUP, *STILL) == 0
    assert torch.allclose(weights(tmp_path / "base_model"), weights(parent), atol=1e-6)
    assert run("other", "--mode", "base_only", *GROUP) == 0
    assert not torch.allclose(weights(tmp_path / "base_model"), weights(parent), atol=1e-3)
    config = read(tmp_path / "base_model" / "base_config.json")
    assert config["participants"] == ["ann"] and config["parent_participants"] == ["ann", "cyd"]


def test_an_experiment_starts_from_the_child(run: Run, parent: Path, tmp_path: Path) -> None:
    run("child", "--mode", "base_only", *GROUP)
    assert run("one", "--mode", "target_only_fine_tuning", *GROUP) == 0
    metrics = read(tmp_path / "one" / "output" / "metrics.json")
    assert metrics["best_base_model_target_test_loss"] is not None


def test_another_try_goes_on_from_its_own_checkpoint(
    run: Run, parent: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("child", "--mode", "base_only", *GROUP, "--checkpoint_every", "1")
    first = weights(tmp_path / "base_model")
    assert run("another", "--mode", "base_only", *GROUP, "--seed", "3") == 0
    (tmp_path / "base_model").rename(tmp_path / "elsewhere")
    monkeypatch.setenv(script_contract.PARENT_MODEL_DIR, str(tmp_path / "elsewhere"))
    assert run("child", "--mode", "base_only", *GROUP, "--checkpoint_every", "1") == 0
    assert not torch.equal(first, weights(tmp_path / "elsewhere"))
    again = weights(tmp_path / "base_model")
    assert torch.equal(first, again)


@pytest.mark.parametrize(
    ("flags", "problem"),
    [
        (("--fold", "0"), "was trained on ann, too, the target of the job: give `participants`"),
        (("--model", "mlp"), "the base model has model test, the job asks for mlp"),
        (("--n_classes", "3"), "the base model has n_classes 2, the job asks for 3"),
    ],
)
def test_a_parent_that_does_not_fit_is_refused_and_nothing_is_made(
    run: Run,
    parent: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    flags: tuple[str, ...],
    problem: str,
) -> None:
    assert run("child", "--mode", "base_only", *GROUP, *flags) == 2
    error = capsys.readouterr().err
    assert problem in error and str(parent) in error
    assert not list((tmp_path / "base_model").iterdir())


def test_a_parent_that_is_damaged_is_refused(
    run: Run, parent: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (parent / "best_base_model.pt").write_bytes(b"{}")
    assert run("child", "--mode", "base_only", *GROUP) == 2
    assert "not a whole base model of this trainer" in capsys.readouterr().err
