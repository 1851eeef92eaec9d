"""The script as the agent starts it: flags and environment in, files and an exit code out."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

import trainers.personalization
from master.code.trainer_manifest import find_trainer_manifest
from tests.unit.trainers.personalization.results import read
from trainers.personalization.__main__ import main
from trainers.personalization.data import Source
from trainers.personalization.networks import NetworkSpec
from trainers.personalization.scoring import evaluate

NAMES = ("ann", "bob", "cyd")
Run = Callable[..., int]
Save = Callable[..., None]
BASE_FILES = {
    "best_base_model.pt",
    "last_base_model.pt",
    "base_metrics.json",
    "base_losses.json",
    "base_config.json",
}
RESULT_FILES = {
    "best_target_model.pt",
    "metrics.json",
    "losses.json",
    "hyperparameters.json",
    "loss.png",
    "f1.png",
}
BASE_FIGURES = {
    "transition_epoch",
    "best_base_model_target_test_loss",
    "best_base_model_target_test_f1",
    "best_base_model_target_test_accuracy",
}
TARGET_FIGURES = {
    "best_target_val_loss",
    "best_target_val_loss_epoch",
    "best_target_val_f1",
    "best_target_val_accuracy",
    "best_target_model_target_test_loss",
    "best_target_model_target_test_f1",
    "best_target_model_target_test_accuracy",
}


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_base_training_writes_the_base_model_and_nothing_else(run: Run, tmp_path: Path) -> None:
    assert run("base", "--mode", "base_only") == 0
    base = tmp_path / "base_model"
    assert set(contents(base)) == BASE_FILES
    assert contents(tmp_path / "base" / "output") == {}
    assert read(base / "base_config.json")["participants"] == ["ann", "cyd"]
    metrics, losses = read(base / "base_metrics.json"), read(base / "base_losses.json")
    assert metrics["best_base_val_loss"] == min(losses["base_val_loss"])
    assert [len(values) for values in losses.values()] == [4] * 4
    assert torch.load(base / "last_base_model.pt", weights_only=True)["epoch"] == 4


def test_what_a_killed_attempt_left_half_written_is_gone(run: Run, tmp_path: Path) -> None:
    base = tmp_path / "base_model"
    base.mkdir()
    for name in BASE_FILES:
        (base / f".{name}.tmp").write_bytes(b"half")
    run("base", "--mode", "base_only")
    assert set(contents(base)) == BASE_FILES


def test_the_base_model_is_the_same_for_every_job_that_shares_it(run: Run, tmp_path: Path) -> None:
    found = []
    for participants, fold in ((("ann", "bob", "cyd"), "1"), (("cyd", "ann", "dan"), "2")):
        flags = ("--participants", *participants, "--fold", fold, "--target_batch_pct", f"0.{fold}")
        assert run(f"base{fold}", "--mode", "base_only", *flags) == 0
        found.append(contents(tmp_path / "base_model"))
    assert found[0] == found[1]


def test_base_training_sees_no_window_of_the_target(run: Run, tmp_path: Path, data_path: Path) -> None:
    for split in ("train", "val", "test"):
        (data_path / f"bob_{split}.pt").unlink()
    assert run("base", "--mode", "base_only") == 0


@pytest.mark.parametrize("mode", ["full_fine_tuning", "target_only_fine_tuning"])
def test_an_experiment_starts_from_the_base_model(run: Run, tmp_path: Path, mode: str) -> None:
    run("base", "--mode", "base_only")
    before = contents(tmp_path / "base_model")
    assert run("exp", "--mode", mode, "--epochs", "3") == 0
    assert contents(tmp_path / "base_model") == before
    output = tmp_path / "exp" / "output"
    assert set(contents(output)) == RESULT_FILES
    metrics = read(output / "metrics.json")
    assert set(metrics) == BASE_FIGURES | TARGET_FIGURES
    assert metrics["transition_epoch"] == 4
    losses = read(output / "losses.json")
    assert losses["base_val_loss"] == read(tmp_path / "base_model" / "base_losses.json")["base_val_loss"]
    assert len(losses["target_val_loss"]) == 3
    assert all((output / name).read_bytes().startswith(b"\x89PNG") for name in ("loss.png", "f1.png"))


def test_no_base_model_is_needed_for_the_target_alone(run: Run, tmp_path: Path, data_path: Path) -> None:
    for name in ("ann", "cyd"):
        (data_path / f"{name}_train.pt").unlink()
    assert run("exp", "--mode", "target_only") == 0
    metrics = read(tmp_path / "exp" / "output" / "metrics.json")
    assert {name for name, value in metrics.items() if value is None} == BASE_FIGURES
    assert read(tmp_path / "exp" / "output" / "losses.json")["base_train_loss"] == []


def test_the_figures_are_those_of_the_saved_model(run: Run, tmp_path: Path, data_path: Path) -> None:
    run("base", "--mode", "base_only")
    run("exp", "--no_plots")
    test = Source(data_path, 12).load("bob", "test")
    for folder, file, kind in (
        (tmp_path / "base_model", "best_base_model.pt", "base"),
        (tmp_path / "exp" / "output", "best_target_model.pt", "target"),
    ):
        saved = torch.load(folder / file, weights_only=True)
        network = NetworkSpec(**saved["network"]).build()
        network.load_state_dict(saved["weights"])
        metrics = read(tmp_path / "exp" / "output" / "metrics.json")
        assert metrics[f"best_{kind}_model_target_test_loss"] == evaluate(network, test).loss


def test_two_runs_write_equal_bytes(run: Run, tmp_path: Path) -> None:
    found = []
    for attempt in ("1", "2"):
        run(f"base{attempt}", "--mode", "base_only", "--use_augmentation")
        run(f"exp{attempt}", "--target_batch_pct", "0.25", "--target_data_pct", "0.5")
        found.append(contents(tmp_path / "base_model") | contents(tmp_path / f"exp{attempt}" / "output"))
    assert set(found[0]) == BASE_FILES | RESULT_FILES
    assert found[0] == found[1]


def test_a_seed_of_fine_tuning_is_that_of_target_training_alone(run: Run, tmp_path: Path) -> None:
    assert run("base", "--mode", "base_only") == 0
    tuning = ("--mode", "target_only_fine_tuning")
    assert run("plain", *tuning) == run("own", *tuning, "--seed_finetune", "7") == 0
    assert run("same", *tuning, "--seed_finetune", "0") == 0
    found = {
        name: (tmp_path / name / "output" / "losses.json").read_bytes() for name in ("plain", "own", "same")
    }
    assert found["plain"] == found["same"] != found["own"]
    told = json.loads((tmp_path / "own" / "output" / "hyperparameters.json").read_text())
    assert (told["seed"], told["seed_finetune"]) == (0, 7)


def test_progress_is_reported_each_epoch(run: Run, tmp_path: Path) -> None:
    run("exp", "--mode", "target_only", "--epochs", "3")
    lines = [json.loads(line) for line in (tmp_path / "exp" / "progress.jsonl").read_text().splitlines()]
    assert [(line["epoch"], line["epochs"]) for line in lines] == [(1, 3), (2, 3), (3, 3)]
    assert {"train_loss", "val_loss", "val_f1"} <= set(lines[0]["metrics"])


def test_an_attempt_goes_on_from_the_last_one(run: Run, tmp_path: Path) -> None:
    run("whole", "--mode", "target_only", "--epochs", "6")
    flags = ("--mode", "target_only", "--epochs", "6", "--checkpoint_every", "2", "--no_plots")
    run("exp", *flags)
    progress = tmp_path / "exp" / "progress.jsonl"
    progress.unlink()
    run("exp", *flags)
    assert not progress.exists(), "all six epochs were in the checkpoint"
    whole, resumed = (read(tmp_path / name / "output" / "metrics.json") for name in ("whole", "exp"))
    assert whole == resumed


def test_many_classes_are_counted_in_the_base_data(
    run: Run, tmp_path: Path, data_path: Path, save_split: Save
) -> None:
    for name in NAMES:
        save_split(data_path / f"{name}_train.pt", 22, 5, seed=1)
    assert run("base", "--mode", "base_only", "--model", "cnn") == 0
    assert run("exp", "--model", "cnn") == 0
    assert read(tmp_path / "exp" / "output" / "hyperparameters.json")["n_classes"] == 5


def test_by_hand_folders_come_from_flags(
    data_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("TWOPHASE_JOB_ID", raising=False)
    monkeypatch.chdir(tmp_path)
    flags = ["--fold", "1", "--participants", *NAMES, "--data_path", str(data_path), "--window_size", "12"]
    flags += ["--epochs", "2", "--no_plots", "--device", "cpu", "--base_model_dir", "base"]
    assert main([*flags, "--mode", "base_only"]) == 0
    assert main(flags) == 0
    assert (tmp_path / "experiments" / "alpha" / "fold1_bob" / "metrics.json").exists()
    assert main([*flags, "--output_dir", "elsewhere"]) == 0
    assert (tmp_path / "elsewhere" / "metrics.json").exists()
    assert "epoch 2/2" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--window_size", "13"), "ann_train.pt: windows have 12 samples, window_size is 13"),
        (("--fold", "3"), "fold is 3, allowed are 0 to 2"),
        (("--n_base_participants", "3"), "n_base_participants is 3, allowed are 'all' and 1 to 2"),
        (("--participants", "ann", "bob", "ann"), "participants names ann more than once"),
        (("--magnitude_range", "1.1", "0.9"), "magnitude_range is 1.1 0.9"),
        (("--kernel_size", "4"), "kernel_size is 4; allowed are odd numbers"),
        (("--target_batch_pct", "0.5", "--batch_size", "1"), "needs a batch_size of at least 2"),
        (("--device", "tpu"), "--device tpu: must be auto, cpu, cuda, cuda:<number>, mps or 0"),
        (("--device", "cuda:99"), "--device cuda:99: this machine shows"),
        (("--data_path", "nowhere"), "nowhere/ann_train.pt: no such file"),
        (("--mode", "full_fine_tuning"), "best_base_model.pt: no such file; --mode base_only writes it"),
    ],
)
def test_bad_input_ends_with_one_line(
    run: Run, capsys: pytest.CaptureFixture[str], flags: tuple[str, ...], message: str
) -> None:
    assert run("job", "--mode", "base_only", *flags) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ") and message in error
    assert error.count("\n") == 1


@pytest.mark.parametrize("mode", ["target_only", "base_only"])
def test_a_folder_that_cannot_be_written_is_found_before_training(
    data_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], mode: str
) -> None:
    monkeypatch.delenv("TWOPHASE_JOB_ID", raising=False)
    blocked = data_path / "ann_val.pt"
    flags = ["--fold", "1", "--participants", *NAMES, "--data_path", str(data_path), "--window_size", "12"]
    flags += ["--mode", mode, "--output_dir", str(blocked), "--base_model_dir", str(blocked)]
    assert main(flags) == 2
    shown = capsys.readouterr()
    assert str(blocked) in shown.err and shown.err.count("\n") == 1
    assert "epoch" not in shown.out


@pytest.mark.parametrize(
    "flags",
    [
        ("--batch_size", "0"),
        ("--lr", "nan"),
        ("--target_batch_pct", "1.5"),
        ("--mode", "other"),
        ("--participants", "../up"),
        ("--n_base_participants", "some"),
        ("--unknown", "1"),
    ],
)
def test_a_malformed_flag_ends_with_the_usage(
    run: Run, capsys: pytest.CaptureFixture[str], flags: tuple[str, ...]
) -> None:
    with pytest.raises(SystemExit) as caught:
        run("job", *flags)
    assert caught.value.code == 2
    assert flags[0] in capsys.readouterr().err


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--fold", "0"), "the base model was trained on ann cyd, the job needs bob cyd"),
        (("--model", "mlp"), "the base model has model test, the job asks for mlp"),
        (("--n_classes", "3"), "the base model has n_classes 2, the job asks for 3"),
        (("--window_size", "6"), "the base model has window_size 12, the job asks for 6"),
    ],
)
def test_the_base_model_of_another_job_is_refused(
    run: Run, capsys: pytest.CaptureFixture[str], flags: tuple[str, ...], message: str
) -> None:
    run("base", "--mode", "base_only")
    assert run("exp", *flags) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("name", ["best_base_model.pt", "base_losses.json"])
def test_a_damaged_base_model_is_refused(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    run("base", "--mode", "base_only")
    (tmp_path / "base_model" / name).write_bytes(b"{}")
    assert run("exp") == 2
    assert "not a whole base model" in capsys.readouterr().err


def test_a_target_with_a_class_unknown_to_the_base_model_is_refused(
    run: Run, data_path: Path, capsys: pytest.CaptureFixture[str], save_split: Save
) -> None:
    run("base", "--mode", "base_only")
    save_split(data_path / "bob_test.pt", 9, 3, seed=0)
    assert run("exp") == 2
    assert "bob_test.pt: y holds the label 2; allowed are 0 to 1" in capsys.readouterr().err


def test_a_base_job_without_a_folder_is_refused(
    run: Run, monkeypatch: pytest.MonkeyPatch, data_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("TWOPHASE_JOB_ID", raising=False)
    assert main(["--fold", "0", "--participants", *NAMES, "--mode", "base_only"]) == 2
    assert "--base_model_dir is not set" in capsys.readouterr().err


def test_the_code_version_is_what_the_head_node_reads_without_importing() -> None:
    manifest = find_trainer_manifest("personalization")
    assert manifest.version == trainers.personalization.CODE_VERSION
