"""Several seeds whose probabilities are averaged."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from tests.unit.trainers.personalization.results import metrics
from trainers.personalization.data import Source
from trainers.personalization.networks import NetworkSpec
from trainers.personalization.recipe.members import Average, member_seed
from trainers.personalization.scoring import evaluate

Run = Callable[..., int]
Save = Callable[..., None]


def test_seeds_are_trained_and_their_probabilities_averaged(
    run: Run, tmp_path: Path, data_path: Path
) -> None:
    run("base", "--mode", "base_only", "--seeds", "3")
    assert run("exp", "--seeds", "3", "--no_plots") == 0
    saved = torch.load(tmp_path / "exp" / "output" / "best_target_model.pt", weights_only=True)
    networks = []
    for weights in (saved["weights"], *saved["members"]):
        networks.append(NetworkSpec(**saved["network"]).build())
        networks[-1].load_state_dict(weights)
    test = Source(data_path, 12).load("bob", "test")
    found = evaluate(Average(networks), test).loss
    assert metrics(tmp_path, "exp")["best_target_model_target_test_loss"] == pytest.approx(found, rel=1e-5)
    with torch.no_grad():
        p = torch.stack([one.eval()(test.X_NCT).softmax(1) for one in networks]).mean(0)
        torch.testing.assert_close(Average(networks).eval()(test.X_NCT).exp(), p)
    assert len({float(next(one.parameters()).detach().sum()) for one in networks}) == 3
    assert len({member_seed(0, member) for member in range(5)}) == 5


def test_the_first_of_several_seeds_is_the_one_alone(run: Run, tmp_path: Path) -> None:
    run("one", "--mode", "target_only", "--no_plots")
    run("two", "--mode", "target_only", "--no_plots", "--seeds", "2")
    saved = [
        torch.load(tmp_path / name / "output" / "best_target_model.pt", weights_only=True)["weights"]
        for name in ("one", "two")
    ]
    assert all(torch.equal(saved[0][name], saved[1][name]) for name in saved[0])


def test_several_seeds_may_start_from_one_base_model_and_that_is_said(
    run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    run("base", "--mode", "base_only")
    assert run("exp", "--seeds", "2", "--no_plots") == 0
    assert "note: the base model holds 1 of 2 seeds; members share their start" in capsys.readouterr().out
