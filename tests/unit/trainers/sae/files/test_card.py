"""The card of an autoencoder: front matter that names cannot end, and figures."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from trainers.sae.files.card import card_of

SAE: dict[str, Any] = {
    "architecture": "batchtopk",
    "input_dim": 12,
    "latent_dim": 48,
    "k": 4,
    "layer_idx": 3,
    "training_steps": 33,
    "training_completed_at": "now",
}


def head(name: str | None) -> dict[str, Any]:
    parts = card_of({**SAE, "model_name": name}, {}).split("---\n")
    assert len(parts) == 3, "one front matter"
    found: dict[str, Any] = yaml.safe_load(parts[1])
    return found


def test_the_hub_finds_library_and_model() -> None:
    found = head("EleutherAI/pythia-70m")
    assert found["library_name"] == "saelens" and found["base_model"] == "EleutherAI/pythia-70m"
    assert "sparse-autoencoder" in found["tags"]


@pytest.mark.parametrize("name", [None, "/home/me/model", "a\n---\nb: 1", "x: y", "../m"])
def test_other_names_are_no_model_of_the_hub(name: str | None) -> None:
    assert "base_model" not in head(name)


def test_figures_and_a_title_without_markup() -> None:
    card = card_of({**SAE, "model_name": "m<b>*\u202e"}, {"fvu": 0.104512, "l0": 4.0, "loss": 1.0})
    assert "# Sparse autoencoder of m\\<b\\>\\*, layer 3" in card and "\u202e" not in card
    assert "(FVU) | 0.1045 |" in card and "| active latents of an example (L0) | 4 |" in card
    assert "12 activations, 48 latents, k 4; 33 steps, completed now." in card
    assert 'SAE.load_from_disk("this folder")' in card
