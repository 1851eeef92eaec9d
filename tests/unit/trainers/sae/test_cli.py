"""The command: presets, configs, flags that win, and what a job is told."""

from __future__ import annotations

import argparse
import ast
import importlib
import importlib.util
import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from master.code.trainer_manifest import find_trainer_manifest
from tests.unit.trainers.sae.data import write
from trainers.sae.cli import build_parser, main
from trainers.sae.files.loading import load_sae

FLAGS = ["--latent_dim", "48", "--k", "4", "--batch-size", "32", "--max_epochs", "1", "--num_workers", "1"]


def printed(capsys: pytest.CaptureFixture[str], *argv: str) -> dict[str, object]:
    assert main([*argv, "--print-config"]) == 0
    found: dict[str, object] = json.loads(capsys.readouterr().out)
    return found


def test_settings_come_from_preset_config_and_flags_in_this_order(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "config.json"
    file.write_text(json.dumps({"preset": "seed", "latent_dim": 64, "max_epochs": 7}))
    found = printed(capsys, "--config", str(file), "--max-epochs", "9", "--no-tied-weights")
    assert (found["preset"], found["latent_dim"], found["max_epochs"]) == ("seed", 64, 9)
    assert (found["tied_weights"], found["batch_size"]) == (False, 512)
    file.write_text(json.dumps(found))
    assert printed(capsys, "--config", str(file)) == found


def test_the_manifest_names_every_flag() -> None:
    known = {"help", "command", "config", "print_config"}
    manifest, actions = find_trainer_manifest("sae"), build_parser()._actions
    assert {*manifest.flags().by_name} == {action.dest for action in actions} - known
    two_way = [action for action in actions if isinstance(action, argparse.BooleanOptionalAction)]
    assert manifest.switches == {action.dest for action in two_way}


@pytest.mark.parametrize(
    ("flags", "again"),
    [([], "; the same command goes on"), (["--overwrite"], "; the same command without --overwrite goes on")],
)
def test_an_interrupted_training_says_how_it_goes_on(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], flags: list[str], again: str
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("trainers.sae.cli.run", interrupted)
    assert main(flags) == 130
    assert again in capsys.readouterr().err


def test_the_fast_command_never_exceeds_its_limits(capsys: pytest.CaptureFixture[str]) -> None:
    found = printed(capsys, "train_sae_fast", "--latent_dim", "16384", "--max_samples", "90000")
    assert (found["latent_dim"], found["max_samples"], found["max_epochs"]) == (8192, 50_000, 50)
    assert printed(capsys, "train_sae")["architecture"] == "batchtopk"


def test_a_training_from_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    argv = ["train_sae", "--activation_path", str(write(tmp_path)), "--layer_idx", "6", *FLAGS]
    assert main([*argv, "--output_dir", str(out), "--device", "cpu", "--export", "saelens"]) == 0
    assert load_sae(out / "sae_layer_6.safetensors").form.k == 4
    assert load_sae(out / "saelens").form.kind == "jumprelu"
    assert "sae_layer_6.safetensors: FVU" in capsys.readouterr().out
    assert printed(capsys, "--config", str(out / "sae_config.json"))["latent_dim"] == 48


def test_a_job_trains_its_base_model_and_starts_from_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = str(write(tmp_path))
    tuned = ["--layer_idx", "3", "--tune_k", "3", "--tune-max-steps", "5"]
    environment = {"JOB_ID": "a", "ATTEMPT": "1", "BASE_MODEL_DIR": str(tmp_path / "base")}
    for phase, mode in (("1", ["--mode", "base_only", "--base_layer_idx", "2"]), ("2", tuned)):
        here = {
            "PHASE": phase,
            **{name: str(tmp_path / phase / name) for name in ("OUTPUT_DIR", "CHECKPOINT_DIR")},
        }
        progress = tmp_path / f"progress{phase}"
        for name, value in {**environment, **here, "PROGRESS_FILE": str(progress)}.items():
            monkeypatch.setenv(f"TWOPHASE_{name}", value)
        assert main(["--activation_path", path, *FLAGS, *mode, "--device", "cpu"]) == 0, (
            capsys.readouterr().err
        )
        assert {"loss", "l0", "dead_share", "explained_variance", "tokens_per_second", "eta_seconds"} <= {
            *json.loads(progress.read_text().splitlines()[-1])["metrics"]
        }
    assert load_sae(tmp_path / "base").form.k == 4
    assert load_sae(tmp_path / "2" / "OUTPUT_DIR").form.k == 3
    assert (tmp_path / "2" / "OUTPUT_DIR" / "sae_layer_3.safetensors").is_file()
    assert (tmp_path / "2" / "CHECKPOINT_DIR" / "sae_checkpoint.pt").is_file()


@pytest.fixture
def generation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """Runs a job with a base model to write, and perhaps a parent to read."""

    def run(name: str, parent: str | None, *flags: str) -> int:
        monkeypatch.setenv("TWOPHASE_BASE_MODEL_DIR", str(tmp_path / name))
        monkeypatch.delenv("TWOPHASE_PARENT_MODEL_DIR", raising=False)
        if parent:
            monkeypatch.setenv("TWOPHASE_PARENT_MODEL_DIR", str(tmp_path / parent))
        for one in ("OUTPUT_DIR", "CHECKPOINT_DIR", "PROGRESS_FILE"):
            monkeypatch.setenv(f"TWOPHASE_{one}", str(tmp_path / f"{name}-{one}"))
        return main([*FLAGS, "--mode", "base_only", "--device", "cpu", *flags])

    for name, value in (("JOB_ID", "a"), ("ATTEMPT", "1"), ("PHASE", "1")):
        monkeypatch.setenv(f"TWOPHASE_{name}", value)
    return run


def test_a_base_model_starts_from_its_parent_with_what_it_is_told_of_its_own(
    tmp_path: Path, generation: Callable[..., int]
) -> None:
    root = ["--base_activation_path", str(write(tmp_path)), "--base_layer_idx", "2"]
    assert generation("root", None, *root) == 0
    still = ["--learning_rate", "1e-9", "--max-steps", "1"]
    assert generation("same", "root", *root, *still) == 0
    found, parent = (load_sae(tmp_path / name).parameters["W_enc"] for name in ("same", "root"))
    torch.testing.assert_close(found, parent, atol=1e-5, rtol=0)
    assert generation("child", "root", *root, "--layer_idx", "3", "--tune_k", "3") == 0
    child = load_sae(tmp_path / "child")
    assert child.form.k == 3 and (tmp_path / "child" / "sae_layer_3.safetensors").is_file()
    assert not torch.allclose(child.parameters["W_enc"], parent, atol=1e-5)


def test_a_child_of_more_epochs_goes_on_as_the_child_that_it_was(
    tmp_path: Path, generation: Callable[..., int], monkeypatch: pytest.MonkeyPatch
) -> None:
    root = ["--base_activation_path", str(write(tmp_path)), "--base_layer_idx", "2", "--layer_idx", "3"]
    exact = ["--tune_k", "3", "--precision", "float32", "--dense_above", "0.2", "--schedule_epochs", "2"]
    assert generation("root", None, *root) == 0
    monkeypatch.setenv("TWOPHASE_KEEP_STATE", "1")
    assert generation("lower", "root", *root, *exact) == 0
    more = [*root, *exact, "--max_epochs", "2"]
    assert generation("once", "root", *more) == 0
    monkeypatch.setenv("TWOPHASE_RESUME_MODEL_DIR", str(tmp_path / "lower"))
    assert generation("higher", None, *more) == 0
    name = "sae_layer_3.safetensors"
    assert (tmp_path / "higher" / name).read_bytes() == (tmp_path / "once" / name).read_bytes()
    assert (tmp_path / "lower" / name).read_bytes() != (tmp_path / "once" / name).read_bytes()


def test_a_parent_of_another_shape_is_refused_and_nothing_is_made(
    tmp_path: Path, generation: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    path = ["--activation_path", str(write(tmp_path))]
    assert generation("root", None, *path) == 0
    assert generation("child", "root", *path, "--latent_dim", "40") == 2
    error = capsys.readouterr().err
    assert f"{tmp_path / 'root'}: has n_latents 48, the training 40; both must be equal" in error
    assert not list(tmp_path.glob("child*"))
    (tmp_path / "root" / "sae.safetensors").write_bytes(b"{}")
    assert generation("child", "root", *path) == 2
    assert str(tmp_path / "root" / "sae.safetensors") in capsys.readouterr().err
    assert not list(tmp_path.glob("child*"))


def test_a_job_trains_in_the_fast_way_by_a_flag(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mode = ["--training-mode", "fast"]
    asked = ("--latent-dim", "20000", "--max-epochs", "70")
    assert printed(capsys, *mode, *asked) == printed(capsys, "train_sae_fast", *asked)
    flags = [*FLAGS[:2], "--batch-size", "32", "--max-epochs", "1", "--num-workers", "1", "--layer-idx", "3"]
    out = tmp_path / "out"
    assert main([*mode, *flags, "--activation-path", str(write(tmp_path)), "--output-dir", str(out)]) == 0
    assert json.loads((out / "sae_fast_layer_3_metadata.json").read_text())["training_mode"] == "fast"
    assert load_sae(out / "sae_fast_layer_3.safetensors").form.kind == "relu"
    assert main([*mode, "--overwrite", *flags, "--activation-path", "none.npy"]) == 2


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        ([], "--activation-path FILE is needed"),
        (["--mode", "base_only"], "--base-activation-path FILE is needed"),
        (["--config", "none.json"], "--config none.json: cannot be read"),
        (["--activation-path", "none.npy"], "none.npy: no such file"),
        (
            ["--activation-path", "x.npy", "--export", "other"],
            "--export other: must be of saelens, sparsify, features",
        ),
        (
            ["--activation-path", "x.npy", "--export", "sparsify", "--preset", "seed"],
            "it has no relu autoencoder",
        ),
        (["--activation-path", "x.npy", "--device", "cuda:9"], "shows 0 CUDA devices"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(
    capsys: pytest.CaptureFixture[str], argv: list[str], message: str
) -> None:
    assert main(argv) == 2
    assert message in capsys.readouterr().err


def test_a_config_with_a_word_that_is_no_setting(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for content, message in (
        ('{"latents": 3}', "latents: no setting"),
        ("[]", "must be a JSON object"),
        ('{"activation_path": 5}', "activation_path is 5, which it cannot be"),
        ('{"layer_idx": true}', "layer_idx is True, which it cannot be"),
        ('{"preset": ["a"]}', "preset is ['a'], which it cannot be"),
        ('{"optimizer": "sgd"}', "optimizer is 'sgd', must be of adamw, adam"),
        ('{"latent_dim": 64.5}', "latent_dim: '64.5' is not a whole number"),
    ):
        (tmp_path / "c.json").write_text(content)
        assert main(["--config", str(tmp_path / "c.json")]) == 2
        assert message in capsys.readouterr().err


def imported_at_once(name: str, seen: set[str]) -> set[str]:
    """Return the modules that importing one imports, and those that these do."""
    spec = importlib.util.find_spec(name)
    if (
        name in seen
        or spec is None
        or spec.origin is None
        or name.split(".")[0] not in ("trainers", "worker_agent")
    ):
        return seen | {name}
    seen = seen | {name}
    for node in ast.parse(Path(spec.origin).read_text()).body:
        if isinstance(node, ast.ImportFrom) and node.module:
            seen = imported_at_once(node.module, seen)
        elif isinstance(node, ast.Import):
            for one in node.names:
                seen = imported_at_once(one.name, seen)
    return seen


def test_help_and_settings_do_not_wait_for_torch() -> None:
    found = imported_at_once("trainers.sae.cli", set())
    assert "trainers.sae.settings" in found
    assert not {name.split(".")[0] for name in found} & {"torch", "numpy", "h5py", "scipy"}
