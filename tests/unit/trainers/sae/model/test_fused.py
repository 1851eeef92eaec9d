"""A training by the kernels is the training by torch's own, step by step."""

from __future__ import annotations

import copy
import importlib.util
from typing import Any

import pytest
import torch

from tests.unit.trainers.sae.data import SMALL, activations, sae
from trainers.sae.cpu.build import NoLibrary, library
from trainers.sae.data import Scale
from trainers.sae.model.encoder import training_codes
from trainers.sae.model.fused import FusedStep, encoder_of
from trainers.sae.model.kernels import load
from trainers.sae.model.optimiser import Optimiser, Rule
from trainers.sae.settings import Settings
from trainers.sae.training import Training

X = activations(24)


@pytest.fixture(params=["triton", "compiled"])
def kernels(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Any:
    if request.param == "triton" and importlib.util.find_spec("triton") is None:
        pytest.skip("kernels need pip install triton")
    if request.param == "compiled":
        monkeypatch.setattr("trainers.sae.model.kernels.library", library)
        try:
            library()
        except NoLibrary as why:
            pytest.skip(str(why))
    return request.param


def training(**settings: Any) -> Training:
    scale = Scale(1.5, X.mean(0) * 1.5, float((X - X.mean(0)).square().sum(1).mean()) * 1.5**2)
    made = Training(Settings(**{**SMALL, **settings}), scale, torch.device("cpu"))
    made.prepare(X[:8])
    return made


def assert_near(own: Training, plain: Training) -> None:
    for name, value in plain.parameters.items():
        torch.testing.assert_close(own.parameters[name], value, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(own.threshold, plain.threshold)


@pytest.mark.parametrize(
    "settings",
    [
        {"architecture": "topk", "weight_decay": 0.1, "clip_norm": 0.01},
        {"architecture": "batchtopk", "clip_norm": 0.0, "unit_norm": True},
        {"architecture": "topk", "dead_after": 1, "aux_coef": 0.5},
        {"architecture": "jumprelu", "clip_norm": 0.05, "bandwidth": 0.5},
        {"architecture": "jumprelu", "clip_norm": 0.0, "bandwidth": 0.5, "dead_after": 1, "aux_coef": 0.5},
        {"architecture": "matryoshka", "clip_norm": 0.05, "weight_decay": 0.1},
        {"architecture": "matryoshka", "clip_norm": 0.0, "dead_after": 1, "aux_coef": 0.5},
        {"architecture": "hierarchical", "clip_norm": 0.05, "unit_norm": True},
        {"architecture": "hierarchical", "clip_norm": 0.0, "dead_after": 1, "aux_coef": 0.5},
    ],
)
def test_steps_are_those_of_the_plain_training(kernels: Any, settings: dict[str, Any]) -> None:
    own, plain = training(kernels=kernels, **settings), training(kernels="plain", **settings)
    for step in range(3):
        mine, theirs = own.gather(X[8 * step :][:8]), plain.gather(X[8 * step :][:8])
        assert mine.loss == pytest.approx(theirs.loss, rel=1e-4)
        assert (mine.l0, mine.fvu) == (theirs.l0, pytest.approx(theirs.fvu, rel=1e-4))
        own.update(0.01)
        plain.update(0.01)
        assert_near(own, plain)
        assert torch.equal(own.idle_L, plain.idle_L)


def test_a_batch_without_room_takes_the_plain_step_and_the_next_goes_on(
    monkeypatch: pytest.MonkeyPatch, kernels: Any
) -> None:
    own, plain = training(kernels=kernels), training(kernels="plain")
    for room in (48, 1, 48):
        monkeypatch.setattr("trainers.sae.model.fused.room", lambda form, k, room=room: room)
        for one in (own, plain):
            one.gather(X[:8])
            one.update(0.01)
        assert_near(own, plain)


@pytest.mark.parametrize("kind", ["batchtopk", "jumprelu", "matryoshka"])
def test_a_training_goes_on_to_the_bit(kernels: Any, kind: str) -> None:
    whole, first, second = (training(kernels=kernels, architecture=kind) for _ in range(3))
    for one in (whole, first):
        one.gather(X[:8])
        one.update(0.01)
    second.restore(copy.deepcopy(first.state()))
    for one in (whole, second):
        one.gather(X[8:16])
        one.update(0.01)
    for name, value in whole.parameters.items():
        assert torch.equal(second.parameters[name], value)


@pytest.mark.parametrize("kind", ["topk", "batchtopk", "jumprelu", "matryoshka", "hierarchical"])
def test_latents_chosen_in_bytes_are_those_of_float32(kind: str) -> None:
    try:
        library()
    except NoLibrary as why:
        pytest.skip(str(why))
    known = sae(kind)
    plain = training_codes(known.form, known.parameters, X, rounded=False)
    optimiser = Optimiser(Rule(), known.parameters)
    encoder = encoder_of(rounded=True, in_bytes=True)
    step = FusedStep(load("compiled"), known.form, known.parameters, optimiser, encoder)
    found = step.codes(X)
    assert found is not None
    assert torch.equal(found.rows, plain.rows) and torch.equal(found.columns, plain.columns)
    torch.testing.assert_close(found.values, plain.values, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("kind", ["topk", "batchtopk", "jumprelu", "matryoshka", "hierarchical"])
@pytest.mark.parametrize("rounded", [False, True])
def test_active_latents_are_those_of_the_plain_functions(kernels: Any, kind: str, rounded: bool) -> None:
    known = sae(kind)
    plain = training_codes(known.form, known.parameters, X, rounded=rounded)
    optimiser = Optimiser(Rule(), known.parameters)
    encoder = encoder_of(rounded=rounded, in_bytes=False)
    step = FusedStep(load(kernels), known.form, known.parameters, optimiser, encoder)
    found = step.codes(X)
    assert found is not None and not step.holds
    assert torch.equal(found.rows, plain.rows) and torch.equal(found.columns, plain.columns)
    torch.testing.assert_close(found.values, plain.values, rtol=1e-4, atol=1e-5)
