"""What a metrics file tells of training."""

from __future__ import annotations

from dataclasses import replace

import pytest

from trainers.probes.reading.layer import Trained, VariantResult
from trainers.probes.results.history import history_of
from trainers.probes.settings import Settings

FIGURES = {
    **{"train_loss": [0.9, 0.8], "val_loss": [0.7, 0.6], "val_auc": [0.5, 0.4], "val_accuracy": [1.0, 0.5]},
}
ENDED = VariantResult({"lr": 0.1, "weight_decay": 0.0}, 0.5, best_epoch=1, stop_epoch=2)


def test_it_has_the_figures_of_every_epoch_and_the_end() -> None:
    settings = Settings(epochs=4, lrs=(0.1,), scheduler=False)
    history = history_of(Trained(0, {}, ENDED, [ENDED], FIGURES), settings)
    assert history == {
        **FIGURES,
        "learning_rates": [0.1, 0.1],
        **{"best_epoch": 1, "best_val_auc": 0.5, "stopped_early": True},
    }


def test_learning_rates_are_those_of_the_schedule_and_of_the_chosen_variant() -> None:
    settings = Settings(epochs=2, lrs=(0.1, 0.2), min_lr=0.0)
    chosen = replace(ENDED, variant={"lr": 0.2, "weight_decay": 0.0})
    history = history_of(Trained(0, {}, chosen, [ENDED, chosen], FIGURES), settings)
    assert history["learning_rates"] == pytest.approx([0.2, 0.1])
    assert history["stopped_early"] is False


def test_the_exact_solver_has_no_epochs() -> None:
    end = VariantResult({"C": 1.0}, 0.5, best_epoch=12, stop_epoch=12)
    trained = Trained(0, {}, end, [end], {"val_loss": [0.3], "val_auc": [0.5], "val_accuracy": [0.9]})
    history = history_of(trained, Settings(solver="exact"))
    assert (history["train_loss"], history["learning_rates"], history["stopped_early"]) == ([], [], False)
    assert trained.at_best("val_loss") == 0.3
