"""An autoencoder whose training goes on where that of fewer epochs ended: to the bit, or not at all."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from tests.unit.trainers.sae.data import CLOCK_FIELDS, log, request, write
from trainers.common.errors import BadInput
from trainers.sae.checkpoints import STATE
from trainers.sae.run import Request, train
from trainers.sae.rungs import KEPT_STATE
from trainers.sae.settings import Settings

Rung = Callable[..., Path]
SAID: list[str] = []


@pytest.fixture
def rung(tmp_path: Path) -> Rung:
    """Train an autoencoder: `rung("name", epochs, lower, setting=value, …)` returns its folder."""
    path = write(tmp_path)

    def run(name: str, epochs: int, lower: Path | None = None, **settings: Any) -> Path:
        SAID.clear()
        asked = request(tmp_path / name, path, **{"schedule_epochs": 8, **settings, "max_epochs": epochs})
        apart = tmp_path / f"checkpoints of {name}"
        asked = replace(asked, resume=lower, keeps_state=True, checkpoint_dir=apart)
        train(asked, SAID.append, lambda *_, **__: None)
        return tmp_path / name

    return run


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return load_file(folder / "sae_layer_3.safetensors")


def figures(folder: Path) -> list[dict[str, Any]]:
    return [{name: v for name, v in one.items() if name not in CLOCK_FIELDS} for one in log(folder)]


def assert_same(one: Path, other: Path) -> None:
    mine, theirs = weights(one), weights(other)
    assert mine.keys() == theirs.keys() and all(torch.equal(mine[name], theirs[name]) for name in mine)
    assert figures(one) == figures(other)
    for name in ("evaluation.json", "metrics.json"):
        assert (one / name).read_bytes() == (other / name).read_bytes()


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"architecture": "jumprelu", "sparsity_target": "tanh", "resample_every": 5, "dead_after": 60},
        {"architecture": "relu", "schedule": "restarts", "learning_rate": 1e-2, "accumulate": 2},
        {"architecture": "topk", "schedule": "plateau", "val_per_epoch": 3, "learning_rate": 0.1},
    ],
)
def test_rungs_end_as_one_training_does(rung: Rung, settings: dict[str, Any]) -> None:
    once = rung("once", 8, **settings)
    middle = rung("four", 4, rung("two", 2, **settings), **settings)
    assert_same(rung("eight", 8, middle, **settings), once)
    assert_same(middle, rung("four at once", 4, **settings))


def test_patience_that_ran_out_below_has_run_out_above(rung: Rung) -> None:
    settings = {"patience": 1, "learning_rate": 0.5, "schedule": "constant"}
    once = rung("once", 8, **settings)
    assert figures(once)[-1]["epoch"] < 7
    assert_same(rung("eight", 8, rung("seven", 7, **settings), **settings), once)


def test_its_own_checkpoint_goes_first(rung: Rung) -> None:
    lower = rung("four", 4)
    once = rung("eight", 8, lower)
    (lower / KEPT_STATE / STATE).write_bytes(b"nothing")
    assert_same(rung("eight", 8, lower), once)


def test_a_lower_one_without_a_state_is_told_and_training_begins_at_the_first_epoch(rung: Rung) -> None:
    lower = rung("four", 4)
    (lower / KEPT_STATE / STATE).unlink()
    again = rung("eight", 8, lower)
    assert any(f"{lower} holds no state" in line for line in SAID)
    assert_same(again, rung("once", 8))


def test_a_rung_of_a_child_needs_its_parent_no_more(tmp_path: Path) -> None:
    path = write(tmp_path)
    parent = train(request(tmp_path / "parent", path), SAID.append, lambda *_, **__: None).path

    def child(name: str, epochs: int, **more: Any) -> Path:
        asked = request(tmp_path / name, path, max_epochs=epochs, schedule_epochs=4, seed=7)
        asked = replace(asked, is_child=True, keeps_state=True, **more)
        train(asked, SAID.append, lambda *_, **__: None)
        return tmp_path / name

    lower, once = child("two", 2, start=parent), child("once", 4, start=parent)
    assert_same(child("four", 4, resume=lower, start=lower), once)
    (lower / KEPT_STATE / STATE).unlink()
    with pytest.raises(BadInput, match="holds no state, and its parent is not here"):
        child("refused", 4, resume=lower, start=lower)


@pytest.mark.parametrize(
    ("epochs", "settings", "problem"),
    [
        (8, {"schedule_epochs": 9}, "schedule_epochs was 8, is 9"),
        (8, {"latent_dim": 32}, "latent_dim was 48, is 32"),
        (8, {"seed": 1}, "seed was 0, is 1"),
        (3, {}, "the state of step 44, later than 33"),
        (8, {"max_steps": 99, "schedule_epochs": None}, "--max-steps do not go on"),
    ],
)
def test_the_state_of_another_training_is_refused_and_nothing_is_made(
    rung: Rung, tmp_path: Path, epochs: int, settings: dict[str, Any], problem: str
) -> None:
    lower = rung("four", 4)
    with pytest.raises(BadInput, match=problem) as caught:
        rung("refused", epochs, lower, **settings)
    assert "without `resume`" in str(caught.value) and not (tmp_path / "refused").exists()
    assert not (tmp_path / "checkpoints of refused").exists()


def changed(**values: Any) -> Callable[[dict[str, Any]], None]:
    return lambda state: state.update(values)


@pytest.mark.parametrize(
    ("damage", "problem"),
    [
        (changed(fingerprint=None), "does not say of which training"),
        (changed(parameters={}), "a state of this training"),
        (changed(place={"step": -1}), "step is -1"),
        (changed(place={"more": 1}), "a state of this training"),
        (changed(stopper={"waited": 0, "best": [[0.1, "a"]]}), "step is 'a'"),
        (changed(stopper={"waited": 0, "best": [[0.1, 7]]}), "step_00000007.pt: the weights"),
        (changed(records=[]), "it holds no records"),
        (changed(records=[{"loss": 1.0}]), "its last record has no losses"),
    ],
)
def test_a_state_that_is_no_such_state_is_refused(
    rung: Rung, tmp_path: Path, damage: Callable[[dict[str, Any]], None], problem: str
) -> None:
    lower = rung("four", 4)
    path = lower / KEPT_STATE / STATE
    state = torch.load(path, weights_only=True)
    damage(state)
    torch.save(state, path)
    with pytest.raises(BadInput, match=problem) as caught:
        rung("refused", 8, lower)
    assert str(lower) in str(caught.value) and "without `resume`" in str(caught.value)
    assert not (tmp_path / "refused").exists()


class Hostile:
    def __reduce__(self) -> tuple[Any, ...]:
        return exec, ("raise SystemExit('code of a file ran')",)


@pytest.mark.parametrize("kind", ["truncated", "code"])
def test_a_file_that_is_no_state_is_refused_and_runs_nothing(rung: Rung, kind: str) -> None:
    lower = rung("four", 4)
    path = lower / KEPT_STATE / STATE
    if kind == "code":
        torch.save({"fingerprint": {}, "place": Hostile()}, path)
    else:
        path.write_bytes(path.read_bytes()[:900])
    with pytest.raises(BadInput, match="cannot be read as tensors"):
        rung("refused", 8, lower)
    with pytest.raises(BadInput, match="no such folder"):
        rung("refused", 8, lower / "nothing")


def test_nothing_is_kept_unasked(tmp_path: Path) -> None:
    asked: Request = request(tmp_path / "out", write(tmp_path))
    train(asked, SAID.append, lambda *_, **__: None)
    assert not (tmp_path / "out" / KEPT_STATE).exists()
    assert "schedule_epochs" not in json.loads((tmp_path / "out" / "sae_config.json").read_text())


def test_a_schedule_is_as_long_as_the_training_or_longer() -> None:
    with pytest.raises(BadInput, match="schedule_epochs is 3, max_epochs is 10"):
        Settings(schedule_epochs=3)
    with pytest.raises(BadInput, match="leave schedule_epochs out"):
        Settings(schedule_epochs=20, max_steps=7)
