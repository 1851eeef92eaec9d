"""What an experiment tells of itself, with and without a base model."""

from __future__ import annotations

from trainers.personalization.base_model import BaseModel
from trainers.personalization.fitting.courses import Progress
from trainers.personalization.networks import NetworkSpec
from trainers.personalization.options import parse
from trainers.personalization.runs import Result
from trainers.personalization.scoring import Scores

SPEC = NetworkSpec("mlp", 2, 12, 3, 0.2, (), 3, (8,))
BASE = BaseModel([], 2, 3, SPEC.as_dict(), ["ann", "cyd"], {"base_val_loss": [0.9, 0.8, 0.7]})
FOREST = {"forest": Scores(0.4, 0.95, 0.96)}


def result(mode: str, base: BaseModel | None, baselines: dict[str, Scores]) -> Result:
    options = parse(["--fold", "1", "--participants", "ann", "bob", "cyd", "--mode", mode])
    progress = Progress()
    progress.record(Scores(1.0, 0.1, 0.2), Scores(0.9, 0.3, 0.4))
    progress.record(Scores(0.8, 0.5, 0.6), Scores(1.1, 0.2, 0.3))
    before = Scores(1.2, 0.5, 0.55) if base else None
    return Result(
        *(options, SPEC, base, progress, [], before),
        *(Scores(0.9, 0.3, 0.4), Scores(0.5, 0.8, 0.85), baselines),
    )


def test_a_fine_tune_tells_of_both_models_and_of_what_it_is_held_to() -> None:
    found = result("target_only_fine_tuning", BASE, FOREST).metrics()
    assert (found["transition_epoch"], found["best_target_val_loss_epoch"]) == (3, 1)
    assert found["best_base_model_target_test_f1"] == 0.5
    assert found["best_target_model_target_test_accuracy"] == 0.85
    assert found["baseline_forest_target_test_f1"] == 0.95


def test_without_a_base_model_its_figures_are_none_and_its_curves_empty() -> None:
    alone = result("target_only", None, {})
    found = alone.metrics()
    assert found["transition_epoch"] is None and found["best_base_model_target_test_loss"] is None
    curves = alone.curves()
    assert curves["base_val_loss"] == [] and curves["target_val_loss"] == [0.9, 1.1]
    assert alone.hyperparameters()["base_participants"] == []


def test_settings_are_told_with_what_was_made_of_them() -> None:
    told = result("target_only_fine_tuning", BASE, {}).hyperparameters()
    assert (told["target"], told["base_participants"]) == ("bob", ["ann", "cyd"])
    assert (told["n_classes"], told["n_channels"]) == (3, 2) and told["code_version"]
    assert not [name for name in told if name.endswith("_dir")]
