"""A training that was stopped ends as if it had not been; one of other settings is not gone on with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.unit.trainers.sae.data import log, quiet, request, write
from trainers.common.errors import BadInput
from trainers.sae import loop
from trainers.sae.checkpoints import Checkpoints
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
