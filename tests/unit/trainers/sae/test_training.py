"""Steps: norms, thresholds, dead latents, and what is said of the encoder."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from tests.unit.trainers.sae.data import SMALL, activations
from trainers.common.errors import BadInput
from trainers.sae.data import Scale
from trainers.sae.model.architecture import KINDS
from trainers.sae.model.dense import dense_loss
from trainers.sae.settings import Settings
from trainers.sae.training import Training

X = activations(64)


def training(**settings: Any) -> Training:
    scale = Scale(1.5, X.mean(0) * 1.5, float((X - X.mean(0)).square().sum(1).mean()) * 1.5**2)
    return Training(Settings(**{**SMALL, **settings}), scale, torch.device("cpu"))


def test_decoder_rows_keep_norm_1_where_they_are_to() -> None:
    own = training(unit_norm=True)
    own.gather(X)
    own.update(0.1)
    torch.testing.assert_close(own.parameters["W_dec"].norm(dim=1), torch.ones(48))
    free = training()
    free.gather(X)
    free.update(0.1)
    assert float((free.parameters["W_dec"].norm(dim=1) - 1).abs().max()) > 0.01


def test_only_the_weight_of_tanh_grows_with_the_training() -> None:
    for target, share in (("quadratic", 1.0), ("tanh", 0.25)):
        own = training(architecture="jumprelu", sparsity_target=target)
        own.done = 0.25
        assert own.weights(4).sparsity == share


def test_tanh_asks_for_fewer_active_latents_the_more_it_weighs() -> None:
    active = []
    for weight in (0.0, 0.3, 3.0):
        own = training(architecture="jumprelu", sparsity_target="tanh", sparsity_coef=weight)
        own.prepare(X)
        for _ in range(60):
            report = own.gather(X)
            own.update(1e-2)
        active.append(report.l0)
    assert active[0] > 1.5 * active[1] > 2 * active[2]


def test_jumprelu_begins_with_k_active_latents() -> None:
    own = training(architecture="jumprelu", bandwidth=1e-6)
    assert own.prepare(X) == "encoder: float32"
    assert own.gather(X).l0 == pytest.approx(4, abs=0.2)


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        ({"precision": "bfloat16"}, "encoder: float32, chosen in bfloat16"),
        ({"precision": "auto"}, "is taken"),
        ({"architecture": "relu", "precision": "bfloat16"}, "encoder: float32"),
    ],
)
def test_the_encoder_is_said(settings: dict[str, Any], line: str) -> None:
    assert line in training(**settings).prepare(X)


def test_int8_needs_the_compiled_kernels() -> None:
    with pytest.raises(BadInput, match="--precision int8 is done by the compiled kernels alone"):
        training(precision="int8").prepare(X)
    with pytest.raises(BadInput, match="not for relu"):
        training(precision="int8", kernels="auto", architecture="relu").prepare(X)


def test_dead_latents_come_back() -> None:
    own = training(dead_after=64, aux_coef=1.0, architecture="topk")
    own.parameters["b_enc"][:24] -= 100
    own.gather(X)
    own.update(1e-9)
    assert own.dead_share >= 0.5
    found = own.gradients(own.scaled(X))
    assert not found.gradients["W_enc"][:24].any()  # so far below 0 that nothing reaches them
    own.parameters["b_enc"][:24] += 99.5
    assert own.gradients(own.scaled(X)).gradients["W_enc"][:24].any()


@pytest.mark.parametrize("settings", [{}, {"architecture": "jumprelu", "dead_after": 128}])
def test_dead_latents_are_drawn_anew_with_their_moments(settings: dict[str, Any]) -> None:
    own = training(**{"dead_after": 64, **settings})
    for _ in range(2):
        own.gather(X)
        own.update(1e-2)
    own.idle_L[:24], own.idle_L[24:] = 128, 0
    before = {name: value.clone() for name, value in own.parameters.items()}
    assert own.resample(X, 2) == 24 and own.dead_share == 0
    state = own.state()["optimiser"]["torch"]["state"]
    for number, (name, value) in enumerate(own.parameters.items()):
        if name == "b_dec":
            assert torch.equal(value, before[name]) and state[number]["exp_avg"].any()
            continue
        assert torch.equal(value[24:], before[name][24:]), name
        assert not state[number]["exp_avg"][:24].any() and not state[number]["exp_avg_sq"][:24].any()
        assert state[number]["exp_avg"][24:].any(), name
    assert not torch.equal(own.parameters["W_dec"][:24], before["W_dec"][:24])
    assert own.resample(X, 2) == 0


def test_what_is_drawn_anew_depends_on_seed_and_step_alone() -> None:
    rows = []
    for seed, step in ((0, 4), (0, 4), (0, 5), (1, 4)):
        own = training(dead_after=64, seed=0)
        own._settings = Settings(**{**SMALL, "dead_after": 64, "seed": seed})
        own.idle_L += 64
        own.resample(X, step)
        rows.append(own.parameters["W_dec"].clone())
    assert torch.equal(rows[0], rows[1])
    assert not torch.equal(rows[0], rows[2]) and not torch.equal(rows[0], rows[3])


@pytest.mark.parametrize("kind", [*KINDS, "jumprelu, tanh"])
def test_losses_are_step_by_step_those_of_automatic_differentiation_and_plain_adam(kind: str) -> None:
    kind, _, target = kind.partition(", ")
    options = {"sparsity_target": target, "sparsity_coef": 2.0} if target else {}
    x = X.double()
    scale = Scale(1.0, x.mean(0), float((x - x.mean(0)).square().sum(1).mean()))
    settings = Settings(
        **{**SMALL, "architecture": kind, "weight_decay": 1e-2, "clip_norm": 0.5, "k": 6, **options}
    )
    own = Training(settings, scale, torch.device("cpu"))
    own.prepare(x)
    leaves = {name: value.clone().requires_grad_() for name, value in own.parameters.items()}
    plain = torch.optim.AdamW(leaves.values(), weight_decay=1e-2)
    for step in range(20):
        rate, batch, own.done = 1e-2 / (step + 1), x[(step % 4) * 16 :][:16], step / 20
        loss = dense_loss(own.form, leaves, batch, own.weights(len(batch)))
        plain.param_groups[0]["lr"] = rate
        plain.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(leaves.values(), 0.5)
        plain.step()
        if "threshold" in leaves:
            leaves["threshold"].data.clamp_(min=0)
        assert own.gather(batch).loss == pytest.approx(float(loss.detach()), rel=1e-9), step
        own.update(rate)


def test_batches_that_are_gathered_count_as_one() -> None:
    one, two = training(accumulate=1, clip_norm=0.0), training(accumulate=2, clip_norm=0.0)
    one.gather(X)
    for _ in range(2):
        two.gather(X)
    one.update(1e-2)
    two.update(1e-2)
    for name, value in one.parameters.items():
        torch.testing.assert_close(two.parameters[name], value)
