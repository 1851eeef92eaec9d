"""A training that was stopped ends as if it had not been; one of other settings is not gone on with."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.unit.trainers.sae.data import log, quiet, request, write
from trainers.common.errors import BadInput
from trainers.common.files import read_tensors, write_tensors
from trainers.sae import loop
from trainers.sae.checkpoints import STATE, Checkpoints
from trainers.sae.loop import plan_of
from trainers.sae.run import train
from trainers.sae.settings import Settings
from trainers.sae.training import Training


class Killed(Exception):
    pass


RESUMED: list[dict[str, Any]] = [
    {},
    {"accumulate": 2},
    {"architecture": "relu", "schedule": "plateau"},
    {"architecture": "jumprelu", "sparsity_target": "tanh"},
    {"resample_every": 3, "dead_after": 64, "aux_coef": 0.0, "learning_rate": 0.05},
]


@pytest.mark.parametrize("options", RESUMED)
def test_killed_at_any_step_it_ends_to_the_bit_as_if_it_had_not_been(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: dict[str, Any]
) -> None:
    path, whole, broken = write(tmp_path), tmp_path / "whole", tmp_path / "broken"
    quiet(request(whole, path, **options))
    monkeypatch.setattr(loop, "CHECKPOINT_SECONDS", 0.0)
    update, done = Training.update, 0

    def dies(self: Training, rate: float) -> None:
        nonlocal done
        done += 1
        if done % 7 == 5:
            raise Killed
        update(self, rate)

    monkeypatch.setattr(Training, "update", dies)
    deaths = 0
    while True:
        try:
            quiet(request(broken, path, **options))
            break
        except Killed:
            deaths += 1
    assert deaths >= 2
    name = "sae_layer_3.safetensors"
    assert (broken / name).read_bytes() == (whole / name).read_bytes()
    assert log(broken) == log(whole)
    assert (broken / "evaluation.json").read_bytes() == (whole / "evaluation.json").read_bytes()


def test_what_was_timed_at_the_start_is_not_timed_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = request(tmp_path / "out", write(tmp_path))

    def dies(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(Training, "gather", dies)
        with pytest.raises(Killed):
            quiet(asked)
    monkeypatch.setattr(Training, "prepare", lambda *_: pytest.fail("timed again"))
    quiet(asked)


def test_a_checkpoint_of_another_training_is_refused(tmp_path: Path) -> None:
    path, out = write(tmp_path), tmp_path / "out"
    quiet(request(out, path))
    (out / "sae_config.json").unlink()
    with pytest.raises(BadInput, match=r"sae_checkpoint\.pt is of another training \(k was 4, is 5\)"):
        quiet(request(out, path, k=5))
    (out / "sae_config.json").unlink()
    (out / "checkpoints" / "sae_checkpoint.pt").write_bytes(b"damaged")
    with pytest.raises(BadInput, match="delete it to begin anew"):
        quiet(request(out, path))


def test_weights_that_were_deleted_are_told_with_what_to_do(tmp_path: Path) -> None:
    asked = request(tmp_path, write(tmp_path))
    quiet(asked)
    for path in asked.checkpoint_dir.glob("step_*.pt"):
        path.unlink()
    with pytest.raises(BadInput, match=r"step_0.*missing or damaged; use --overwrite to train anew"):
        quiet(asked)


def test_a_training_knows_how_much_of_it_is_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shares: list[float] = []
    gather = Training.gather
    monkeypatch.setattr(Training, "gather", lambda self, x: shares.append(self.done) or gather(self, x))
    quiet(request(tmp_path / "out", write(tmp_path), max_steps=4))
    assert shares == [0, 0.25, 0.5, 0.75]


def test_dead_latents_are_drawn_anew_in_the_first_half(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[int] = []
    monkeypatch.setattr(Training, "resample", lambda _, pool, step: steps.append(step) or len(pool))
    lines: list[str] = []
    asked = request(tmp_path / "out", write(tmp_path), resample_every=4, max_steps=20)
    train(asked, lines.append, lambda *_, **__: None)
    assert steps == [4, 8] and "step 4: 360 dead latents drawn anew" in lines


def test_early_stopping_ends_a_training(tmp_path: Path) -> None:
    quiet(
        request(tmp_path, write(tmp_path), max_epochs=200, learning_rate=0.3, patience=2, schedule="constant")
    )
    assert log(tmp_path)[-1]["epoch"] < 200


def test_a_plan_counts_whole_steps(tmp_path: Path) -> None:
    plan = plan_of(Settings(max_epochs=3, accumulate=2), 100, 16, {}, tmp_path)
    assert (plan.steps_an_epoch, plan.steps) == (3, 9)
    assert plan_of(Settings(max_steps=7), 100, 16, {}, tmp_path).steps == 7
    with pytest.raises(BadInput, match="100 training examples are less than a step of 64 × 2"):
        plan_of(Settings(accumulate=2), 100, 64, {}, tmp_path)


def test_only_the_best_weights_stay(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path, {"a": 1})
    assert checkpoints.state() is None
    for step in (1, 2, 3):
        checkpoints.write_weights(step, {})
    checkpoints.keep_only([2])
    assert list(tmp_path.iterdir()) == [checkpoints.weights(2)]


def _at(*keys: object, put: Callable[[Any], object]) -> Callable[[dict[Any, Any]], None]:
    """Return what changes one value of a state, deep in it; `put` makes it of what was there."""

    def change(state: Any) -> None:
        for key in keys[:-1]:
            state = state[key]
        state[keys[-1]] = put(state[keys[-1]])

    return change


def _without(name: str) -> Callable[[dict[Any, Any]], None]:
    return lambda state: state.pop(name)


ALTERED = {
    "weights of another width": (_at("parameters", "W_enc", put=lambda w: w[:, :1]), "W_enc is to be"),
    "one number for all weights": (_at("parameters", "b_enc", put=lambda b: b[:1]), "b_enc is to be"),
    "weights of another kind": (
        _at("parameters", "b_enc", put=lambda b: b.to(torch.int32)),
        "b_enc is to be",
    ),
    "NaN": (_at("parameters", "b_dec", put=lambda b: b * math.nan), "b_dec holds NaN"),
    "no tensor": (_at("parameters", "b_dec", put=lambda b: 1.0), "b_dec is to be"),
    "weights that are missing": (
        _at("parameters", put=lambda found: {"b_dec": found["b_dec"]}),
        "there are to be",
    ),
    "a threshold for each": (_at("threshold", put=lambda t: torch.zeros(3)), "threshold is to be"),
    "idle of others": (_at("idle", put=lambda idle: idle[1:]), "idle is to be"),
    "moments of others": (
        _at("optimiser", "torch", "state", 0, "exp_avg", put=lambda m: m[:1]),
        "exp_avg of",
    ),
    "moments that are no numbers": (
        _at("optimiser", "torch", "state", 0, "exp_avg_sq", put=lambda m: m * math.nan),
        "holds NaN or infinities",
    ),
    "no moments": (_at("optimiser", put=lambda found: {"steps": 1}), "torch"),
    "steps before the first": (_at("optimiser", "steps", put=lambda steps: -1), "steps is -1"),
    "a place before the first": (_at("place", "row", put=lambda row: -4), "row is -4"),
    "a place between steps": (_at("place", "step", put=lambda step: 1.5), "step is 1.5"),
    "no place": (_without("place"), "place"),
    "a place of more": (_at("place", "nonsense", put=lambda _: 1), "nonsense"),
    "a best step that is none": (_at("stopper", "best", put=lambda _: [(0.1, "x")]), "step is 'x'"),
    "no records": (_at("records", put=lambda _: 3), "not iterable"),
    "ways of others": (_at("ways", put=lambda _: {"other": 1}), "other"),
}


@pytest.mark.parametrize("name", ALTERED)
def test_a_state_that_does_not_fit_is_refused_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    alter, told = ALTERED[name]
    path, out = write(tmp_path), tmp_path / "out"
    monkeypatch.setattr(loop, "CHECKPOINT_SECONDS", 0.0)
    update = Training.update

    def dies(self: Training, rate: float) -> None:
        if self.done > 0.5:
            raise Killed
        update(self, rate)

    monkeypatch.setattr(Training, "update", dies)
    with pytest.raises(Killed):
        quiet(request(out, path, max_steps=4))
    (state_file,) = out.rglob(STATE)
    state = read_tensors(state_file)
    if name == "a place of more":
        state["place"]["nonsense"] = 0
    alter(state)
    write_tensors(state_file, state)
    with pytest.raises(BadInput) as caught:
        quiet(request(out, path, max_steps=4))
    assert told in str(caught.value) and "\n" not in str(caught.value)
    assert str(caught.value).startswith(
        f"{state_file}: cannot be read as a state of this training (delete it"
    )


def test_weights_of_the_best_validation_that_are_not_ours_are_refused(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path, {"a": 1})
    own = {"W": torch.zeros(3, 2), "_threshold": torch.zeros(())}
    checkpoints.write_weights(1, own)
    assert checkpoints.read_weights(1, own).keys() == own.keys()
    for found in ({"W": own["W"]}, {**own, "W": torch.zeros(2, 3)}, {**own, "W": own["W"] + math.inf}):
        checkpoints.write_weights(2, found)
        with pytest.raises(BadInput, match="missing or damaged"):
            checkpoints.read_weights(2, own)


@pytest.mark.parametrize("kind", ["relu", "gelu"])
def test_a_loss_with_a_penalty_is_told_in_its_parts(tmp_path: Path, kind: str) -> None:
    said: list[dict[str, float]] = []
    asked = request(tmp_path / "out", write(tmp_path), architecture=kind, sparsity_coef=0.5)
    train(asked, lambda _: None, lambda *_, **figures: said.append(figures))
    for told in (*said, *log(tmp_path / "out")):
        assert told["train_penalty"] > 0.01
        assert told["train_mse"] + told["train_penalty"] == pytest.approx(told["loss"], rel=1e-5)


def test_a_loss_without_a_penalty_has_no_parts(tmp_path: Path) -> None:
    quiet(request(tmp_path / "out", write(tmp_path)))
    assert not [told for told in log(tmp_path / "out") if "train_mse" in told]
