"""`train_sae prune`: a smaller autoencoder and what was left out."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from tests.unit.trainers.sae.data import activations, quiet, request, sae, write
from trainers.sae.cli import main
from trainers.sae.files.loading import load_sae
from trainers.sae.files.seed import write_seed


def test_a_training_is_pruned_on_its_own_activations(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, small = tmp_path / "out", tmp_path / "small"
    trained = quiet(request(out, write(tmp_path), architecture="topk", latent_dim=300, max_epochs=6))
    assert main(["prune", str(out), "--output", str(small)]) == 0
    told, report = capsys.readouterr().out, json.loads((small / "pruning.json").read_text())
    assert report["latents_after"] < 300 == report["latents_before"] and report["examples"] == 400
    assert f"{report['latents_after']} of 300 latents" in told and report["largest_difference"] <= 1e-5
    smaller = load_sae(small)
    assert smaller.form.n_latents == report["latents_after"] == len(report["kept"])
    torch.testing.assert_close(
        smaller.reconstruct(activations()), trained.sae.reconstruct(activations()), rtol=0, atol=1e-5
    )
    assert smaller.metadata["pruned_from"] == 300
    assert main(["prune", str(out), "--output", str(small)]) == 2
    assert "holds a pruned autoencoder already" in capsys.readouterr().err


def test_what_cannot_be_pruned_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_seed(tmp_path / "gelu", "sae", sae("gelu"))
    write_seed(tmp_path / "topk", "sae", sae("topk"))
    assert load_sae(tmp_path / "topk").form == sae("topk").form
    for name, message in (("gelu", "never quite silent"), ("topk", "name them by --activation-path")):
        extra = ["--activation-path", "x.npy"] if name == "gelu" else []
        assert main(["prune", str(tmp_path / name), "--output", str(tmp_path / "o"), *extra]) == 2
        assert message in capsys.readouterr().err
