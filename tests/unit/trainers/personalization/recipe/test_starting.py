"""What the recipes set, what the original one gave, few windows, and a refit."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.unit.trainers.personalization.results import metrics, read
from trainers.personalization.__main__ import main

Run = Callable[..., int]
Save = Callable[..., None]


ORIGINAL = {
    ("mlp", "full_fine_tuning"): (1.854358288255753e-06, 4.974156581738498e-06),
    ("mlp", "target_only_fine_tuning"): (9.264982509193942e-05, 0.00019269940094090998),
    ("mlp", "target_only"): (0.04240329563617706, 0.050665710121393204),
    ("cnn", "full_fine_tuning"): (0.0, 0.0),
    ("cnn", "target_only_fine_tuning"): (1.725833681121003e-05, 3.0134937333059497e-05),
    ("cnn", "target_only"): (0.055229175835847855, 0.034915510565042496),
}
"""Validation and test loss without dropout, as before version 7, which draws its masks otherwise."""


@pytest.mark.parametrize("model", ["mlp", "cnn"])
def test_the_original_recipe_gives_what_it_gave_before(run: Run, tmp_path: Path, model: str) -> None:
    flags = ("--model", model, "--recipe", "original", "--no_plots", "--dropout", "0")
    run("base", "--mode", "base_only", "--use_augmentation", *flags)
    for mode in ("full_fine_tuning", "target_only_fine_tuning", "target_only"):
        assert run(mode, "--mode", mode, "--target_batch_pct", "0.25", *flags) == 0
        found = metrics(tmp_path, mode)
        val, test = ORIGINAL[model, mode]
        assert found["best_target_val_loss"] == pytest.approx(val, rel=1e-3)
        assert found["best_target_model_target_test_loss"] == pytest.approx(test, rel=1e-3)


def test_a_flag_wins_over_the_recipe(run: Run, tmp_path: Path) -> None:
    run("exp", "--mode", "target_only", "--recipe", "original", "--schedule", "cosine", "--no_plots")
    values = read(tmp_path / "exp" / "output" / "hyperparameters.json")
    shown = {name: values[name] for name in ("inputs", "epoch_steps", "least_steps", "schedule", "average")}
    assert shown == {"inputs": "raw", "epoch_steps": 0, "least_steps": 0, "schedule": "cosine", "average": 0}


def test_a_participant_with_fewer_windows_than_a_batch_gets_enough_steps(
    run: Run, tmp_path: Path, data_path: Path, save_split: Save, capsys: pytest.CaptureFixture[str]
) -> None:
    save_split(data_path / "bob_train.pt", 6, 2, seed=3)
    flags = ("--mode", "target_only", "--no_plots", "--model", "mlp", "--dropout", "0")
    assert run("new", *flags) == 0
    assert "note: 6 training windows are fewer than a batch of 64" in capsys.readouterr().out
    run("before", *flags, "--epoch_steps", "0")
    losses = [
        read(tmp_path / name / "output" / "losses.json")["target_train_loss"] for name in ("new", "before")
    ]
    assert [len(one) for one in losses] == [4, 4]
    assert losses[0][-1] < losses[1][-1]


@pytest.mark.parametrize("mode", ["full_fine_tuning", "target_only"])
def test_a_refit_learns_from_validation_windows_too(run: Run, tmp_path: Path, mode: str) -> None:
    run("base", "--mode", "base_only")
    for name, flags in (("once", ("--no-refit",)), ("again", ())):
        assert run(name, "--mode", mode, "--no_plots", *flags) == 0
    once, again = metrics(tmp_path, "once"), metrics(tmp_path, "again")
    for name in ("best_target_val_loss", "best_target_val_loss_epoch", "best_target_val_f1"):
        assert once[name] == again[name]
    assert once["best_target_model_target_test_loss"] != again["best_target_model_target_test_loss"]


def test_the_help_tells_what_each_recipe_sets(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    shown = " ".join(capsys.readouterr().out.split())
    assert "(standardised; with the original recipe raw)" in shown
    assert "or rank them by its quantiles" in shown
    assert "(cosine; with the original recipe constant)" in shown
