"""Inputs of like scale: unlike scales, constants, and base models that have no statistics."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn

from tests.unit.trainers.personalization.results import metrics, read
from trainers.personalization.recipe.inputs import FAR, Quantiles, Standardise, split_off_inputs

STRAIGHT = torch.linspace(-1, 1, 201)
Run = Callable[..., int]
Save = Callable[..., None]


def make_old(folder: Path) -> None:
    """Make a base model what the version before statistics wrote."""
    for name in ("best_base_model.pt", "last_base_model.pt"):
        saved = torch.load(folder / name, weights_only=True)
        del saved["network"]["inputs"]
        torch.save(saved, folder / name)


def test_a_base_model_without_statistics_still_loads_and_says_so(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run("base", "--mode", "base_only", "--recipe", "original")
    make_old(tmp_path / "base_model")
    assert run("exp", "--no_plots") == 0
    assert "note: the base model holds no statistics of its inputs" in capsys.readouterr().out
    assert read(tmp_path / "exp" / "output" / "hyperparameters.json")["inputs"] == "raw"


def test_statistics_are_not_dropped_unasked(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run("base", "--mode", "base_only")
    assert run("exp", "--inputs", "raw") == 2
    assert "the base model has inputs standardised, the job asks for raw" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("flags", "names"), [((), ["0.mean", "0.inverse"]), (("--inputs", "quantiles"), ["0.table"])]
)
def test_fine_tuning_keeps_the_statistics_of_the_base_model(
    run: Run, tmp_path: Path, flags: tuple[str, ...], names: list[str]
) -> None:
    run("base", "--mode", "base_only", "--model", "mlp", *flags)
    run("exp", "--model", "mlp", "--mode", "target_only_fine_tuning", "--no_plots", *flags)
    base = torch.load(tmp_path / "base_model" / "best_base_model.pt", weights_only=True)["weights"]
    fitted = torch.load(tmp_path / "exp" / "output" / "best_target_model.pt", weights_only=True)["weights"]
    for name in names:
        assert torch.equal(base[name], fitted[name])


@pytest.mark.parametrize("model", ["mlp", "cnn"])
def test_windows_of_unlike_scale_are_learned_all_the_same(
    run: Run, tmp_path: Path, data_path: Path, model: str
) -> None:
    losses = {}
    flags = ("--mode", "target_only", "--model", model, "--no_plots", "--epochs", "12", "--no-refit")
    for name, factor in (("as_they_are", 1.0), ("unlike", 1e6)):
        for part in ("train", "val", "test"):
            X, y = torch.load(data_path / f"bob_{part}.pt", weights_only=True)
            torch.save((X * torch.tensor([factor, 1.0])[:, None], y), data_path / f"bob_{part}.pt")
        run(name, *flags)
        losses[name] = metrics(tmp_path, name)["best_target_model_target_test_loss"]
    assert losses["unlike"] == pytest.approx(losses["as_they_are"], rel=0.05)
    run("raw", *flags, "--inputs", "raw")
    # The groups that a cnn normalises hide the scale of a whole window from it.
    if model == "mlp":
        assert metrics(tmp_path, "raw")["best_target_model_target_test_loss"] > 2 * losses["unlike"]


def test_constant_inputs_are_told_and_left_out(
    run: Run, tmp_path: Path, data_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for part in ("train", "val", "test"):
        X, y = torch.load(data_path / f"bob_{part}.pt", weights_only=True)
        X[:, 1] = 7.0 if part == "train" else 1e9
        torch.save((X, y), data_path / f"bob_{part}.pt")
    assert run("exp", "--mode", "target_only", "--model", "mlp", "--no_plots") == 0
    assert "note: 12 of 24 inputs are constant in training; the network does not see them" in (
        capsys.readouterr().out
    )
    assert metrics(tmp_path, "exp")["best_target_model_target_test_loss"] < 1


def learned(X_NCT: torch.Tensor, shape: tuple[int, int]) -> Quantiles:
    layer = Quantiles(shape)
    layer.learn(X_NCT)
    return layer


def test_ranks_become_normal_deviates_whatever_the_units() -> None:
    X = torch.stack([STRAIGHT, STRAIGHT.exp() * 1e6], dim=1)[:, None]
    Z = learned(X, (1, 2))(X)
    assert Z[100].flatten().tolist() == pytest.approx([0, 0], abs=1e-3)
    assert Z[50].flatten().tolist() == pytest.approx([-0.674, -0.674], abs=0.01)
    assert torch.allclose(Z[..., 0], Z[..., 1], atol=0.02)


def test_what_training_has_not_seen_stays_within_the_ends() -> None:
    layer = learned(STRAIGHT[:, None, None], (1, 1))
    ends = layer(torch.tensor([-1e9, -1.0, 1.0, 1e9])[:, None, None]).flatten()
    assert ends.tolist() == pytest.approx([-FAR, -FAR, FAR, FAR], abs=0.01)


def test_equal_values_share_the_middle_of_their_ranks_and_constants_say_nothing() -> None:
    X = torch.stack([torch.arange(200) % 2, torch.full((200,), 7)], dim=1).float()[:, None]
    layer = learned(X, (1, 2))
    Z = layer(torch.tensor([[0.0, 7.0], [1.0, 1e9]])[:, None])
    assert Z[:, 0, 0].tolist() == pytest.approx([-0.67, 0.67], abs=0.02)
    assert Z[:, 0, 1].tolist() == [0, 0]
    assert (layer.n_constant, layer.n_inputs) == (1, 2)


def test_a_channel_has_quantiles_over_all_its_samples() -> None:
    X = torch.stack([STRAIGHT.view(1, 201), 5 * STRAIGHT.view(1, 201)], dim=1)
    Z = learned(X, (2, 1))(X)
    assert Z.shape == X.shape
    assert torch.allclose(Z[:, 0], Z[:, 1], atol=1e-4)


@pytest.mark.parametrize("kind", [Standardise, Quantiles])
def test_inputs_made_once_are_those_that_the_network_makes(kind: type[Standardise | Quantiles]) -> None:
    X = torch.randn(600, 2, 3, generator=torch.Generator().manual_seed(0))
    layer = kind((2, 3))
    layer.learn(X)
    network = nn.Sequential(layer, nn.Flatten(), nn.Linear(6, 2))
    body, make = split_off_inputs(network)
    assert torch.equal(body(make(X)), network(X))
    assert split_off_inputs(body)[0] is body
