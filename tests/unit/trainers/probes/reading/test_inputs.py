"""Standardised activations, the bias that a probe starts with, and what the first recipe gave."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from tests.unit.trainers.probes.data import Arrays, gaussian_classes, layer_of
from trainers.common.activations.rows import ResidentRows
from trainers.probes.fitting.evaluation import Evaluator
from trainers.probes.fitting.fused import FusedTraining
from trainers.probes.fitting.modules import new_module
from trainers.probes.fitting.one_by_one import OneByOneTraining
from trainers.probes.fitting.ranking import roc_auc
from trainers.probes.reading.inputs import Standardisation, standardisation, start_biases
from trainers.probes.reading.layer import Layer, Trained
from trainers.probes.settings import RECIPES, Settings

ORIGINAL = Settings(
    dtype="float64",
    epochs=6,
    batch_size=16,
    patience=2,
    lrs=(1e-3, 5e-2),
    pos_weight="balanced",
    seed=7,
    hidden_dim=16,
    **{name: value for name, value in RECIPES["original"].items() if name not in ("lrs", "epochs")},
)


def fused(layer: Layer, settings: Settings, probes: int) -> list[Trained]:
    finished = [one for _, _, done in FusedTraining(layer, settings, range(probes)).run() for one in done]
    return sorted(finished, key=lambda trained: trained.probe)


def mean_auc(layer: Layer, settings: Settings, trained: list[Trained]) -> float:
    evaluator = Evaluator(layer.rows["test"], settings.compute_dtype, layer.device)
    areas = []
    for one in trained:
        module = new_module(settings, layer.n_features)
        module.load_state_dict(one.state)
        logits = evaluator.logits(lambda x: module(x)[:, None], 1)  # noqa: B023
        areas.append(float(roc_auc(logits, layer.targets["test"][:, one.probe][None])[0]))
    return float(np.mean(areas))


def shifted(arrays: Arrays, means: NDArray, scales: NDArray) -> Arrays:
    return {name: ((x * scales + means).astype("float32"), labels) for name, (x, labels) in arrays.items()}


@pytest.mark.parametrize(
    ("model_type", "losses"),
    [
        ("linear", [0.662511678732, 0.540768862552, 0.504764600372, 0.492456880036, 0.488717736572]),
        ("multihead", [1.447156229088, 0.964020380272, 0.50899165625, 0.532838726608, 0.509765325219]),
    ],
)
def test_the_original_recipe_gives_what_it_gave_before(model_type: str, losses: list[float]) -> None:
    settings = replace(ORIGINAL, model_type=model_type)  # type: ignore[arg-type]
    layer = layer_of(gaussian_classes(7, classes=4), settings)
    trained = fused(layer, settings, 4)[1]
    # As the version before recipes computed them.
    np.testing.assert_allclose(trained.history["val_loss"][:5], losses, rtol=0, atol=1e-10)
    if model_type == "linear":
        weights = trained.state["linear.weight"][0, :3].tolist()
        assert weights == pytest.approx([-0.16348489998, -0.185919790395, 1.017128276629], abs=1e-10)


def test_a_probe_begins_at_the_log_odds_of_its_class() -> None:
    targets = torch.tensor([[1, 1], [0, 1], [0, 1], [0, 0]], dtype=torch.uint8)
    biases = start_biases(Settings(), targets)
    assert biases is not None
    assert biases.tolist() == pytest.approx([math.log(1 / 3), math.log(3)])
    balanced = start_biases(Settings(pos_weight="balanced"), targets)
    assert balanced is not None
    assert balanced.tolist() == pytest.approx([0, 0], abs=1e-6)
    assert start_biases(Settings(bias_start="zero"), targets) is None


def test_a_class_without_a_positive_has_a_finite_start() -> None:
    biases = start_biases(Settings(), torch.zeros(9, 1, dtype=torch.uint8))
    assert biases is not None
    assert biases.tolist() == pytest.approx([math.log(0.5 / 9)])


@pytest.mark.parametrize("model_type", ["linear", "multihead"])
def test_folded_weights_give_for_plain_activations_what_the_trained_give_for_standardised(
    model_type: str,
) -> None:
    settings = Settings(model_type=model_type, hidden_dim=16, dtype="float64")  # type: ignore[arg-type]
    torch.manual_seed(0)
    x = torch.randn(50, 6, dtype=torch.float64) * torch.tensor([1e-3, 1, 50, 2, 9, 1]) + 7
    by = standardisation(ResidentRows(x), settings)
    assert by is not None
    module, plain = new_module(settings, 6), new_module(settings, 6)
    plain.load_state_dict(by.fold(module.state_dict()))
    z = x.clone()
    by.apply_(z)
    torch.testing.assert_close(z.mean(0), torch.zeros(6, dtype=torch.float64), rtol=0, atol=1e-9)
    torch.testing.assert_close(plain(x), module(z), rtol=0, atol=1e-10)


def test_statistics_leave_the_activations_as_they_are() -> None:
    x = torch.randn(20, 3, dtype=torch.float64)
    before = x.clone()
    standardisation(ResidentRows(x), Settings(dtype="float64"))
    assert torch.equal(x, before)


def test_constant_activations_get_no_weight() -> None:
    settings = Settings(epochs=2, batch_size=16)
    arrays = gaussian_classes(0, classes=3)
    for name, (x, labels) in arrays.items():
        x[:, 2] = 1e4 / 3 if name == "train" else 0.0
        arrays[name] = (x, labels)
    layer = layer_of(arrays, settings)
    training = FusedTraining(layer, settings, range(3))
    assert training.inputs is not None and training.inputs.n_constant == 1
    trained = [one for _, _, done in training.run() for one in done]
    for one in trained:
        assert float(one.state["linear.weight"][0, 2]) == 0
        assert bool(torch.isfinite(one.state["linear.weight"]).all())


def test_scale_and_mean_of_activations_hardly_matter() -> None:
    settings = Settings(epochs=12, batch_size=32, lrs=(1e-2,))
    plain = gaussian_classes(2, classes=4, features=30, sizes=(400, 300, 300))
    rng = np.random.default_rng(0)
    scales = 10.0 ** rng.uniform(-3, 3, size=30)
    moved = shifted(plain, rng.normal(size=30) * 20 * scales, scales)
    areas = []
    for arrays in (plain, moved):
        layer = layer_of(arrays, settings)
        areas.append(mean_auc(layer, settings, fused(layer, settings, 4)))
    assert areas[1] == pytest.approx(areas[0], abs=0.005)
    layer, raw = layer_of(moved, settings), replace(settings, inputs="raw")
    assert mean_auc(layer, raw, fused(layer, raw, 4)) < areas[1] - 0.01


def test_rare_classes_are_learned_within_few_small_steps() -> None:
    settings = Settings(epochs=20, batch_size=64, lrs=(5e-4,), patience=20)
    layer = layer_of(gaussian_classes(4, classes=20, features=40, sizes=(600, 400, 400)), settings)
    before = replace(settings, bias_start="zero")
    assert (
        mean_auc(layer, settings, fused(layer, settings, 20))
        > mean_auc(layer, before, fused(layer, before, 20)) + 0.02
    )


def test_reduced_activations_are_standardised_on_either_way_of_reading() -> None:
    settings = Settings(dtype="bfloat16", epochs=6, batch_size=32, lrs=(1e-2,))
    arrays = shifted(
        gaussian_classes(2, classes=3, features=20, sizes=(300, 200, 200)), np.full(20, 3.0), np.ones(20)
    )
    layer = layer_of(arrays, settings)
    ways = [fused(layer, settings, 3)]
    for loader in ("memory", "dataloader"):
        runs = OneByOneTraining(layer, settings, range(3), 1, loader).run()
        ways.append([one for _, _, done in runs for one in done])
    areas = [mean_auc(layer, settings, trained) for trained in ways]
    assert areas == pytest.approx([areas[0]] * 3, abs=5e-3)


def test_what_never_changes_is_told_from_rounding() -> None:
    x = torch.full((1000, 2), 1e4 / 3)
    x[::2, 1] += 0.5
    by = standardisation(ResidentRows(x), Settings())
    assert isinstance(by, Standardisation)
    assert (by.inverse_D == 0).tolist() == [True, False]


@pytest.mark.parametrize(("rows", "batch"), [(100, 16), (900, 60), (7_680, 512), (10**6, 512)])
def test_few_examples_make_smaller_batches(rows: int, batch: int) -> None:
    assert Settings().batch_of(rows) == batch
    assert Settings(batch_size=8).batch_of(rows) == 8
    assert Settings(epoch_steps=0).batch_of(rows) == 512
