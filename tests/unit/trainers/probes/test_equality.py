"""Fused training equals training every probe alone: weights, stop epochs, histories and metrics."""

from __future__ import annotations

from collections.abc import Generator
from concurrent.futures import CancelledError
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from tests.unit.trainers.probes.data import Arrays, gaussian_classes, layer_of
from trainers.probes.fitting.evaluation import Evaluator
from trainers.probes.fitting.fused import FusedTraining
from trainers.probes.fitting.metrics import score
from trainers.probes.fitting.modules import new_module
from trainers.probes.fitting.one_by_one import OneByOneTraining
from trainers.probes.reading.layer import Layer, Trained
from trainers.probes.settings import Loader, ModelType, Settings


def fused(layer: Layer, settings: Settings, probes: list[int]) -> dict[int, Trained]:
    return {one.probe: one for _, _, done in FusedTraining(layer, settings, probes).run() for one in done}


def alone(
    layer: Layer, settings: Settings, probes: list[int], loader: Loader = "memory"
) -> dict[int, Trained]:
    runs = OneByOneTraining(layer, settings, probes, workers=2, loader=loader).run()
    return {one.probe: one for _, _, done in runs for one in done}


def metrics(layer: Layer, settings: Settings, trained: Trained) -> list[float]:
    module = new_module(settings, layer.n_features)
    module.load_state_dict(trained.state)
    evaluator = Evaluator(layer.rows["test"], settings.compute_dtype, layer.device)
    logits = evaluator.logits(lambda x: module(x)[:, None], 1)
    scores = score(logits, layer.targets["test"][:, trained.probe][None])[0]
    return [scores.accuracy, scores.precision, scores.recall, scores.f1, scores.auc_roc, scores.auc_pr]


def assert_equal(layer: Layer, settings: Settings, one: Trained, other: Trained, tolerance: float) -> None:
    assert [(t.variant, t.best_epoch, t.stop_epoch) for t in one.results] == [
        (t.variant, t.best_epoch, t.stop_epoch) for t in other.results
    ]
    assert one.chosen.variant == other.chosen.variant
    for name, value in one.state.items():
        torch.testing.assert_close(value, other.state[name], rtol=0, atol=tolerance)
    for name, values in one.history.items():
        np.testing.assert_allclose(values, other.history[name], rtol=0, atol=tolerance, equal_nan=True)
    np.testing.assert_allclose(
        metrics(layer, settings, one),
        metrics(layer, settings, other),
        rtol=0,
        atol=tolerance,
        equal_nan=True,
    )


@st.composite
def cases(draw: st.DrawFn) -> tuple[Arrays, Settings]:
    """Layers of any shape and imbalance, with several variants that stop at different epochs."""
    classes, features = draw(st.integers(2, 5)), draw(st.integers(1, 9))
    sizes = tuple(draw(st.integers(classes, 70)) for _ in range(3))
    arrays = gaussian_classes(draw(st.integers(0, 10**6)), classes, features, (sizes[0], sizes[1], sizes[2]))
    if draw(st.booleans()):
        rng = np.random.default_rng(draw(st.integers(0, 10**6)))
        share = draw(st.sampled_from([0.03, 0.3]))
        arrays = {
            name: (x, np.column_stack([labels == 0, rng.random((len(x), classes - 1)) < share]).astype(int))
            for name, (x, labels) in arrays.items()
        }
        arrays["train"][1][0] = 1
    settings = Settings(
        dtype="float64",
        epochs=draw(st.integers(1, 7)),
        batch_size=draw(st.integers(1, 80)),
        patience=draw(st.integers(1, 3)),
        lrs=tuple(draw(st.lists(st.sampled_from([1e-3, 1e-2, 0.3]), min_size=0, max_size=2, unique=True))),
        weight_decays=tuple(draw(st.sampled_from([(0.0,), (0.01,), (0.1, 0.0)]))),
        dropout=draw(st.sampled_from([0.0, 0.1, 0.5])),
        scheduler=draw(st.booleans()),
        pos_weight=draw(st.sampled_from([1.0, 2.5, "balanced"])),
        inputs=draw(st.sampled_from(["standardised", "raw"])),
        bias_start=draw(st.sampled_from(["log-odds", "zero"])),
        seed=draw(st.integers(0, 1000)),
    )
    return arrays, settings


def test_the_default_recipe_trains_probes_as_it_would_alone() -> None:
    settings = Settings(dtype="float64", epochs=4)
    layer = layer_of(gaussian_classes(classes=3), settings)
    together, separate = fused(layer, settings, [0, 1, 2]), alone(layer, settings, [0, 1, 2])
    for probe in range(3):
        assert_equal(layer, settings, together[probe], separate[probe], 1e-10)


@pytest.mark.slow
@hypothesis_settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.too_slow])
@given(cases())
def test_linear_probes_equal_those_trained_alone(case: tuple[Arrays, Settings]) -> None:
    arrays, settings = case
    layer = layer_of(arrays, settings)
    probes = list(range(layer.targets["train"].shape[1]))
    together, separate = fused(layer, settings, probes), alone(layer, settings, probes)
    for probe in probes:
        assert_equal(layer, settings, together[probe], separate[probe], 1e-10)


@pytest.mark.slow
@pytest.mark.parametrize("loader", ["memory", "dataloader"])
@pytest.mark.parametrize("model_type", ["linear", "multihead"])
def test_probes_that_stop_at_different_epochs_equal_those_trained_alone(
    model_type: str, loader: Loader
) -> None:
    settings = Settings(
        model_type=model_type,  # type: ignore[arg-type]
        hidden_dim=16,
        dtype="float64",
        epochs=12,
        batch_size=16,
        patience=2,
        lrs=(1e-3, 5e-2),
        weight_decays=(1e-3, 0.1),
        pos_weight="balanced",
        seed=5,
    )
    layer = layer_of(gaussian_classes(3, classes=5), settings)
    together, separate = fused(layer, settings, [0, 2, 4]), alone(layer, settings, [0, 2, 4], loader)
    assert len({result.stop_epoch for one in together.values() for result in one.results}) > 1
    for probe in (0, 2, 4):
        assert_equal(layer, settings, together[probe], separate[probe], 1e-10)


def test_float32_areas_are_equal_to_four_digits() -> None:
    settings = Settings(epochs=8, batch_size=32, lrs=(1e-2,), patience=8)
    layer = layer_of(gaussian_classes(1, classes=6, features=40, sizes=(400, 300, 300)), settings)
    together, separate = fused(layer, settings, [0, 3, 5]), alone(layer, settings, [0, 3, 5])
    for probe in (0, 3, 5):
        mine, reference = (metrics(layer, settings, one[probe])[4] for one in (together, separate))
        assert mine == pytest.approx(reference, abs=1e-4)


def test_a_probe_does_not_depend_on_what_is_trained_beside_it() -> None:
    settings = Settings(dtype="float64", epochs=5, batch_size=16, lrs=(1e-2,), patience=2)
    layer = layer_of(gaussian_classes(8, classes=5), settings)
    whole, part = fused(layer, settings, [0, 1, 2, 3, 4]), fused(layer, settings, [3])
    assert_equal(layer, settings, whole[3], part[3], 1e-10)


def test_a_probe_that_fails_costs_none_that_finished(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Settings(epochs=2, batch_size=16)
    training = OneByOneTraining(layer_of(gaussian_classes(), settings), settings, [0, 1, 2, 3], 1, "memory")
    train_one = training._probe

    def fail_at_last(probe: int) -> Trained:
        if probe == 3:
            raise MemoryError
        return train_one(probe)

    monkeypatch.setattr(training, "_probe", fail_at_last)
    finished: list[int] = []
    with pytest.raises(MemoryError):
        for _, _, done in training.run():
            finished += [one.probe for one in done]
    assert finished == [0, 1, 2]


def test_probes_that_nobody_waits_for_stop() -> None:
    settings = Settings(epochs=3000, patience=3000, batch_size=16, lrs=(1e-3,))
    short = Settings(epochs=1, batch_size=16)
    layer = layer_of(gaussian_classes(), settings)
    training = OneByOneTraining(layer, short, [0, 1, 2, 3], 1, "memory")
    runs = training.run()
    assert [one.probe for one in next(runs)[2]] == [0]
    training._settings = settings
    assert isinstance(runs, Generator)
    runs.close()
    assert training.stopped.is_set()
    with pytest.raises(CancelledError):
        training._probe(3)


def test_bfloat16_activations_train_probes_nearly_as_good() -> None:
    full = Settings(epochs=10, batch_size=32, lrs=(1e-2,))
    arrays = gaussian_classes(2, classes=4, features=30, sizes=(400, 300, 300))
    halved = replace(full, dtype="bfloat16")
    wide, narrow = layer_of(arrays, full), layer_of(arrays, halved)
    reference, trained = fused(wide, full, [1])[1], fused(narrow, halved, [1])[1]
    assert trained.state["linear.weight"].dtype == torch.float32
    expected = metrics(wide, full, reference)[4]
    assert metrics(narrow, halved, trained)[4] == pytest.approx(expected, abs=5e-3)


def test_a_probe_without_a_finite_area_stops_and_says_so() -> None:
    settings = Settings(dtype="float64", epochs=6, patience=2, batch_size=16)
    arrays = gaussian_classes(0, classes=3)
    arrays["val"] = (arrays["val"][0], np.where(arrays["val"][1] == 1, 0, arrays["val"][1]))
    layer = layer_of(arrays, settings)
    for trained in (fused(layer, settings, [1])[1], alone(layer, settings, [1])[1]):
        assert trained.chosen.best_epoch == 0
        assert trained.chosen.stop_epoch == 2
        assert np.isnan(trained.chosen.val_auc)


@pytest.mark.parametrize("model_type", ["linear", "multihead"])
def test_part_of_a_schedule_is_the_beginning_of_all_of_it(model_type: ModelType) -> None:
    whole = Settings(model_type=model_type, hidden_dim=16, epochs=6, lrs=(0.05,), patience=6)
    part = replace(whole, epochs=3, schedule_epochs=6)
    layer = layer_of(gaussian_classes(), whole)
    for train in (fused, alone):
        first, all_of_it = (train(layer, settings, [0, 1, 2]) for settings in (part, whole))
        for probe, trained in first.items():
            for name, values in trained.history.items():
                assert values == all_of_it[probe].history[name][:3]
        shorter = train(layer, replace(whole, epochs=3), [0, 1, 2])
        assert any(shorter[probe].history != first[probe].history for probe in first)
