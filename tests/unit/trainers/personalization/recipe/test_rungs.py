"""A base model whose training goes on where that of fewer epochs ended: to the bit, or not at all."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.unit.trainers.personalization.test_thread_main import Job
from trainers.personalization import files
from trainers.personalization.thread_main import group_main
from worker_agent.protocol import script_contract

Run = Callable[..., int]
Rung = Callable[..., Path]
HORIZON = ("--schedule_epochs", "8")


@pytest.fixture
def rung(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Rung:
    """Train a base model: `rung("name", epochs, flags, lower)` returns its folder, state and all."""

    def train(name: str, epochs: int, *flags: str, lower: Path | None = None, code: int = 0) -> Path:
        monkeypatch.setenv(script_contract.KEEP_STATE, "1")
        monkeypatch.delenv(script_contract.RESUME_MODEL_DIR, raising=False)
        if lower:
            monkeypatch.setenv(script_contract.RESUME_MODEL_DIR, str(lower))
        assert run(name, "--mode", "base_only", "--epochs", str(epochs), *HORIZON, *flags) == code
        (tmp_path / "base_model").mkdir(exist_ok=True)
        return (tmp_path / "base_model").rename(tmp_path / f"base_{name}")

    return train


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def epochs_told(tmp_path: Path, name: str) -> list[int]:
    path = tmp_path / name / "progress.jsonl"
    lines = path.read_text().splitlines() if path.exists() else []
    return [json.loads(line)["epoch"] for line in lines]


@pytest.mark.parametrize(
    "flags",
    [
        (),
        ("--recipe", "original", "--model", "mlp"),
        ("--model", "cnn", "--use_augmentation", "--aug_prob", "0.5"),
        ("--schedule", "constant", "--seeds", "2"),
        ("--seeds", "3", "--model", "mlp", "--seed", "4"),
        ("--early_stopping_patience", "1", "--least_steps", "20", "--lr", "0.3"),
        ("--inputs", "quantiles", "--average", "0", "--least_steps", "0"),
    ],
)
def test_rungs_end_as_one_training_does(rung: Rung, tmp_path: Path, flags: tuple[str, ...]) -> None:
    lower = rung("two", 2, *flags)
    middle = rung("four", 4, *flags, lower=lower)
    resumed = rung("eight", 8, *flags, lower=middle)
    assert contents(resumed) == contents(rung("once", 8, *flags))
    assert contents(middle) == contents(rung("four at once", 4, *flags))
    told = [epochs_told(tmp_path, name) for name in ("two", "four", "eight")]
    assert [*told[0], *told[1], *told[2]] == epochs_told(tmp_path, "once")


def test_patience_that_ran_out_below_has_run_out_above(rung: Rung, tmp_path: Path) -> None:
    flags = ("--early_stopping_patience", "1", "--least_steps", "0", "--lr", "3")
    once = rung("once", 8, *flags)
    lasted = json.loads((once / files.BASE_METRICS).read_text())["epochs"]
    assert lasted < 7
    resumed = rung("eight", 8, *flags, lower=rung("seven", 7, *flags))
    assert contents(resumed) == contents(once)
    assert epochs_told(tmp_path, "eight") == []


def test_rungs_of_a_child_need_its_parent_no_more(
    rung: Rung, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    flags = ("--n_base_participants", "1", "--least_steps", "30")
    monkeypatch.setenv(script_contract.PARENT_MODEL_DIR, str(rung("parent", 3)))
    once, lower = rung("once", 8, *flags), rung("four", 4, *flags)
    monkeypatch.delenv(script_contract.PARENT_MODEL_DIR)
    assert contents(rung("eight", 8, *flags, lower=lower)) == contents(once)
    config = json.loads((once / files.BASE_CONFIG).read_text())
    assert config["parent_participants"] == ["ann", "cyd"]
    (lower / files.CHECKPOINT).unlink()
    rung("refused", 8, *flags, lower=lower, code=2)


def test_those_that_go_on_learn_as_one_with_others_as_alone(
    rung: Rung, data_path: Path, tmp_path: Path
) -> None:
    common = ("--fold", "1", "--data_path", str(data_path), "--mode", "base_only", *HORIZON)
    alone: list[tuple[Path | None, Path]] = []
    jobs: list[Job] = []
    for number, (epochs, start, lr) in enumerate(((4, 0, "0.01"), (8, 4, "0.01"), (8, 2, "0.003"))):
        flags = ("--lr", lr)
        lower = rung(f"lower{number}", start, *flags) if start else None
        alone.append((lower, rung(f"alone{number}", epochs, *flags)))
        base = tmp_path / f"made{number}"
        job = Job(tmp_path / f"job{number}", base, *common, "--epochs", str(epochs), *flags)
        job.environ[script_contract.KEEP_STATE] = "1"
        if lower:
            job.environ[script_contract.RESUME_MODEL_DIR] = str(lower)
        jobs.append(job)
    refused = Job(tmp_path / "refused", tmp_path / "none", *common, "--epochs", "8", "--lr", "0.5")
    refused.environ[script_contract.RESUME_MODEL_DIR] = str(alone[1][0])
    group_main([*jobs, refused])
    assert [job.code for job in (*jobs, refused)] == [0, 0, 0, 2]
    assert "lr was 0.01, is 0.5" in refused.output.getvalue()
    for number, (_, expected) in enumerate(alone):
        assert contents(tmp_path / f"made{number}") == contents(expected)


def test_its_own_checkpoint_goes_first(rung: Rung, tmp_path: Path) -> None:
    lower = rung("four", 4)
    once = rung("eight", 8, "--checkpoint_every", "3", lower=lower)
    again = rung("again", 8, lower=lower)
    (tmp_path / "other").mkdir()
    (tmp_path / "eight" / "checkpoints").rename(tmp_path / "other" / "checkpoints")
    (tmp_path / "eight" / "progress.jsonl").rename(tmp_path / "other" / "before.jsonl")
    from_own = rung("other", 8, lower=lower)
    assert contents(from_own) == contents(once) == contents(again)
    assert epochs_told(tmp_path, "other") == [7, 8]


def test_nothing_is_kept_unasked(run: Run, tmp_path: Path) -> None:
    assert run("plain", "--mode", "base_only") == 0
    assert files.CHECKPOINT not in contents(tmp_path / "base_model")
    assert b"schedule_epochs" not in (tmp_path / "base_model" / files.BASE_CONFIG).read_bytes()


def test_a_lower_one_without_a_state_is_told_and_training_begins_at_the_first_epoch(
    rung: Rung, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lower = rung("four", 4)
    (lower / files.CHECKPOINT).unlink()
    resumed = rung("eight", 8, lower=lower)
    assert f"{lower} holds no state of its training" in capsys.readouterr().out
    assert epochs_told(tmp_path, "eight") == [1, 2, 3, 4, 5, 6, 7, 8]
    assert contents(resumed) == contents(rung("once", 8))


@pytest.mark.parametrize(
    ("epochs", "flags", "problem"),
    [
        (8, ("--schedule_epochs", "9"), "schedule_epochs was 8, is 9"),
        (8, ("--hidden_sizes", "7"), 'network was {"model": "mlp"'),
        (8, ("--model", "cnn"), "another training (network was"),
        (8, ("--lr", "0.5"), "lr was 0.01, is 0.5"),
        (8, ("--seed", "5"), "seed was 0, is 5"),
        (8, ("--seeds", "2"), "training_state_1.pt: no such file, but there are states of other seeds"),
        (3, (), "the state of epoch 4, later than 3"),
        (8, ("--schedule_epochs", "7"), "schedule_epochs is 7, epochs is 8"),
    ],
)
def test_the_state_of_another_training_is_refused_and_nothing_is_made(
    rung: Rung, capsys: pytest.CaptureFixture[str], epochs: int, flags: tuple[str, ...], problem: str
) -> None:
    lower = rung("four", 4, "--model", "mlp")
    refused = rung("refused", epochs, "--model", "mlp", *flags, lower=lower, code=2)
    error = capsys.readouterr().err
    assert problem in error and error.count("\n") == 1
    assert ("without `resume`" in error) or ("schedule must be" in error)
    assert not list(refused.iterdir())


def changed(**values: Any) -> Callable[[dict[str, Any]], None]:
    return lambda state: state.update(values)


def in_progress(**values: Any) -> Callable[[dict[str, Any]], None]:
    return lambda state: state["progress"].update(values)


def in_optimizer(**values: Any) -> Callable[[dict[str, Any]], None]:
    return lambda state: state["optimizer"].update(values)


@pytest.mark.parametrize(
    ("damage", "problem"),
    [
        (changed(job=None), "does not say of which training"),
        (changed(weights={}), "the state is damaged"),
        (changed(progress={}), "its epoch is 0"),
        (in_progress(epoch="4"), "its epoch is '4'"),
        (in_progress(best_epoch=9), "its best 9"),
        (in_progress(epoch=3, best_epoch=2), "its curves are not those of 3 epochs"),
        (in_progress(curves={"val_loss": [0.0] * 4}), "its curves are not those of 4 epochs"),
        (in_progress(best_weights={}), "it lacks the weights of its best epoch"),
        (in_progress(more=1), "the state is damaged"),
        (in_optimizer(steps=7), "it has taken 7 steps, 4 epochs of these windows have 40"),
        (in_optimizer(means=torch.zeros(1)), "means are of 1 parameters"),
    ],
)
def test_a_state_that_is_no_such_state_is_refused(
    rung: Rung, capsys: pytest.CaptureFixture[str], damage: Callable[[dict[str, Any]], None], problem: str
) -> None:
    lower = rung("four", 4)
    state = torch.load(lower / files.CHECKPOINT, weights_only=True)
    damage(state)
    torch.save(state, lower / files.CHECKPOINT)
    refused = rung("refused", 8, lower=lower, code=2)
    error = capsys.readouterr().err
    assert problem in error and str(lower / files.CHECKPOINT) in error and "without `resume`" in error
    assert not list(refused.iterdir())


def test_a_state_with_nan_is_refused(rung: Rung, capsys: pytest.CaptureFixture[str]) -> None:
    lower = rung("four", 4)
    state = torch.load(lower / files.CHECKPOINT, weights_only=True)
    state["optimizer"]["squares"][0] = float("nan")
    torch.save(state, lower / files.CHECKPOINT)
    rung("refused", 8, lower=lower, code=2)
    assert "it holds NaN or infinity" in capsys.readouterr().err


class Hostile:
    def __reduce__(self) -> tuple[Any, ...]:
        return exec, ("raise SystemExit('code of a file ran')",)


@pytest.mark.parametrize("kind", ["truncated", "empty", "code"])
def test_a_file_that_is_no_state_is_refused_and_runs_nothing(
    rung: Rung, capsys: pytest.CaptureFixture[str], kind: str
) -> None:
    lower = rung("four", 4)
    path = lower / files.CHECKPOINT
    if kind == "code":
        torch.save({"job": {}, "progress": Hostile()}, path)
    else:
        path.write_bytes(path.read_bytes()[:900] if kind == "truncated" else b"")
    refused = rung("refused", 8, lower=lower, code=2)
    error = capsys.readouterr().err
    assert f"{path}: cannot be read as tensors" in error and "code of a file ran" not in error
    assert not list(refused.iterdir())


def test_what_is_no_base_model_is_refused(
    rung: Rung, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "nothing").mkdir()
    rung("refused", 8, lower=tmp_path / "nothing", code=2)
    assert "base_config.json: missing or not JSON" in capsys.readouterr().err
