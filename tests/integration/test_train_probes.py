"""`train_probes` from files to results, on activations of a network trained on digits."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, confusion_matrix, f1_score, roc_auc_score

from tests.support.runs import ROOT, Run
from trainers.probes.results.probe_file import load_probe

NAMES = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
SMALL = ("--bias-start", "zero", "--epoch-steps", "0")
QUICK = ("--epochs", "6", "--lr", "5e-3", "--batch-size", "64")


@pytest.fixture(scope="session")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("activations") / "digits.h5"
    script = ROOT / "examples" / "digits_activations.py"
    subprocess.run([sys.executable, str(script), "--output", str(path), "--width", "64"], check=True)
    return path


def start(*flags: object, cwd: Path, **env: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-u", "-m", "trainers.probes", *map(str, flags)],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "error", **env},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def train(*flags: object, cwd: Path, code: int = 0, **env: str) -> tuple[str, str]:
    process = start(*flags, cwd=cwd, **env)
    output, errors = process.communicate(timeout=200)
    assert process.returncode == code, output + errors
    assert "Traceback" not in errors
    return output, errors


def results(directory: Path) -> dict[str, dict[str, Any]]:
    return {name: json.loads((directory / f"metrics_{name}.json").read_text()) for name in NAMES}


CELLS = (("true", "negative"), ("false", "positive"), ("false", "negative"), ("true", "positive"))


def split(path: Path, layer: int, name: str) -> tuple[np.ndarray, np.ndarray]:
    with h5py.File(path) as file:
        group = file[f"layer_{layer}/{name}"]
        return group["activations"][()], group["labels"][()]


def test_metrics_are_those_of_the_saved_probes(digits: Path, tmp_path: Path) -> None:
    output, _ = train("--activations", digits, "--layer", 2, "--output-dir", "out", *QUICK, cwd=tmp_path)
    assert "[10/10] ✓ nine " in output
    assert "AGGREGATE METRICS ACROSS ALL PROBES" in output
    x, labels = split(digits, 2, "test")
    found = results(tmp_path / "out")
    for digit, name in enumerate(NAMES):
        probe, metrics, y = load_probe(tmp_path / "out" / f"probe_{name}.pth"), found[name], labels == digit
        logits = probe(probe.linear.weight.new_tensor(x)).detach().numpy()
        assert metrics["auc_roc"] == pytest.approx(roc_auc_score(y, logits), abs=1e-6)
        assert metrics["auc_pr"] == pytest.approx(average_precision_score(y, logits), abs=1e-6)
        assert metrics["f1"] == pytest.approx(f1_score(y, logits > 0, zero_division=0), abs=1e-12)
        counts = [metrics["confusion_matrix"][f"{right}_{sign}"] for right, sign in CELLS]
        assert counts == confusion_matrix(y, logits > 0).flatten().tolist()
        areas = metrics["history"]["val_auc"]
        assert metrics["best_epoch"] == 1 + areas.index(max(areas))
        assert metrics["val_auc"] == max(areas)
    aggregate = json.loads((tmp_path / "out" / "aggregate_metrics.json").read_text())
    assert aggregate["average_auc_roc"] == pytest.approx(np.mean([one["auc_roc"] for one in found.values()]))
    assert [one["action"] for one in aggregate["per_action_metrics"]] == NAMES
    assert aggregate["num_workers"] == 8


def test_the_exact_solver_agrees_with_scikit_learn_probe_by_probe(digits: Path, tmp_path: Path) -> None:
    train(
        *("--activations", digits, "--layer", 1, "--output_dir", "out"),
        *("--solver", "exact", "--tol", 1e-6),
        cwd=tmp_path,
    )
    x, labels = split(digits, 1, "train")
    x_test, labels_test = split(digits, 1, "test")
    for digit, (name, metrics) in enumerate(results(tmp_path / "out").items()):
        model = LogisticRegression(tol=1e-8, max_iter=2000).fit(x.astype("float64"), labels == digit)
        expected = roc_auc_score(labels_test == digit, model.decision_function(x_test))
        assert metrics["auc_roc"] == pytest.approx(expected, abs=1e-4), name
        assert metrics["solver"]["converged"]


def test_trained_probes_are_about_as_good_as_those_of_scikit_learn(digits: Path, tmp_path: Path) -> None:
    flags = ("--epochs", "30", "--lr", "1e-3,5e-3,2e-2", "--batch-size", "64")
    train("--activations", digits, "--layer", 1, "--output-dir", "out", *flags, cwd=tmp_path)
    x, labels = split(digits, 1, "train")
    x_test, labels_test = split(digits, 1, "test")
    for digit, (name, metrics) in enumerate(results(tmp_path / "out").items()):
        model = LogisticRegression(max_iter=2000).fit(x, labels == digit)
        expected = roc_auc_score(labels_test == digit, model.decision_function(x_test))
        assert metrics["auc_roc"] > expected - 0.02, name
        assert len(metrics["variants"]) == 3


def test_baselines_stand_beside_every_probe(digits: Path, tmp_path: Path) -> None:
    flags = ("--activations", digits, "--layer", 1, "--baseline")
    output, _ = train(*flags, "--output-dir", "out", *QUICK, cwd=tmp_path)
    train(*flags[:-1], "--output-dir", "exact", "--solver", "exact", cwd=tmp_path)
    labels = split(digits, 1, "test")[1]
    for number, (name, metrics) in enumerate(results(tmp_path / "out").items()):
        exact = results(tmp_path / "exact")[name]
        assert metrics["baseline"]["exact"]["auc_roc"] == pytest.approx(exact["auc_roc"], abs=1e-4)
        rate = float((labels == number).mean())
        assert metrics["baseline"]["prevalence"]["auc_pr"] == pytest.approx(rate)
    aggregate = json.loads((tmp_path / "out" / "aggregate_metrics.json").read_text())
    assert aggregate["baseline"]["prevalence"]["auc_roc"] == 0.5
    assert "Baseline exact:" in output and "Below the exact solver's AUC:" in output


def test_what_can_hardly_be_learned_is_said(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    with h5py.File(tmp_path / "acts.h5", "w") as file:
        for name, rows in (("train", 60), ("val", 30), ("test", 30)):
            x = rng.normal(size=(rows, 5)).astype("float32")
            x[:, 3] = 2.5
            file[f"{name}/activations"] = x
            file[f"{name}/labels"] = np.minimum(np.arange(rows) % 31, 2) if name != "train" else [
                *[0] * 30, *[1] * 29, 2
            ]  # fmt: skip
    output, _ = train("--activations", "acts.h5", "--output-dir", "out", *QUICK, cwd=tmp_path)
    assert "note: class_2: 1 positive example in train; its figures are mostly chance" in output
    assert "note: 1 of 5 activations are constant in train; no probe uses them" in output


def test_the_original_recipe_stays_available(digits: Path, tmp_path: Path) -> None:
    flags = ("--activations", digits, "--layer", 1, *QUICK)
    train(*flags, "--output-dir", "recipe", "--recipe", "original", cwd=tmp_path)
    train(*flags, "--output-dir", "flags", "--inputs", "raw", *SMALL, cwd=tmp_path)
    assert results(tmp_path / "recipe") == results(tmp_path / "flags")
    settings = json.loads((tmp_path / "recipe" / "probes_settings.json").read_text())
    assert (settings["inputs"], settings["bias_start"]) == ("raw", "zero")


def test_executors_agree(digits: Path, tmp_path: Path) -> None:
    common = ("--activations", digits, "--layer", 2, *QUICK, "--dtype", "float64")
    train(*common, "--output-dir", "fused", cwd=tmp_path)
    train(*common, "--output-dir", "thread", "--executor", "thread", "--num-workers", 2, cwd=tmp_path)
    fused, thread = results(tmp_path / "fused"), results(tmp_path / "thread")
    for name in NAMES:
        for key in ("auc_roc", "auc_pr", "f1", "accuracy", "val_auc", "best_epoch", "stop_epoch"):
            assert fused[name][key] == pytest.approx(thread[name][key], abs=1e-10), (name, key)


def test_streaming_from_a_small_memory_trains_as_well(digits: Path, tmp_path: Path) -> None:
    flags = ("--layer", 2, "--dtype", "bfloat16", *QUICK)
    train("--activations", digits, *flags, "--output-dir", "whole", cwd=tmp_path)
    train("--activations", digits, *flags, "--output-dir", "parts", "--memory-limit", 1e-4, cwd=tmp_path)
    whole, parts = results(tmp_path / "whole"), results(tmp_path / "parts")
    means = [np.mean([one["auc_roc"] for one in found.values()]) for found in (whole, parts)]
    assert means[0] == pytest.approx(means[1], abs=0.01)
    _, errors = train(
        *("--activations", digits, *flags, "--output-dir", "no", "--memory-limit", 1e-4),
        *("--executor", "thread"),
        cwd=tmp_path,
        code=2,
    )
    assert "--executor fused" in errors


def test_several_layers_in_one_call(digits: Path, tmp_path: Path) -> None:
    train("--activations", digits, "--layer", 1, 2, "--output-dir", "out", *QUICK, cwd=tmp_path)
    for layer in ("1", "2"):
        aggregate = json.loads((tmp_path / "out" / f"layer_{layer}" / "aggregate_metrics.json").read_text())
        assert aggregate["layer"] == layer
        assert len(aggregate["per_action_metrics"]) == 10
    summary = json.loads((tmp_path / "out" / "training_summary.json").read_text())
    assert (summary["total_layers"], summary["total_probes"]) == (2, 20)
    assert (
        summary["config"]["epochs"]
        == json.loads((tmp_path / "out" / "layer_1" / "probes_settings.json").read_text())["epochs"]
    )
    analysis = json.loads((tmp_path / "out" / "per_action_layer_analysis.json").read_text())
    for one in analysis["per_action_best_layers"]:
        probe = tmp_path / "out" / f"layer_{one['best_layer']}" / f"probe_{one['action']}.pth"
        assert probe.is_file() and load_probe(probe)


def test_the_same_command_continues_with_the_missing_probes(digits: Path, tmp_path: Path) -> None:
    flags = ("--activations", digits, "--layer", 2, "--output-dir", "out", *QUICK)
    train(*flags, cwd=tmp_path)
    before = results(tmp_path / "out")
    for name in ("three", "seven"):
        (tmp_path / "out" / f"metrics_{name}.json").unlink()
    kept = (tmp_path / "out" / "metrics_one.json").stat().st_mtime_ns
    output, _ = train(*flags, cwd=tmp_path)
    assert "8 finished probes found" in output
    assert [line.split()[2] for line in output.splitlines() if "✓" in line] == ["three", "seven"]
    assert (tmp_path / "out" / "metrics_one.json").stat().st_mtime_ns == kept
    after = results(tmp_path / "out")
    for name in NAMES:
        assert after[name]["auc_roc"] == pytest.approx(before[name]["auc_roc"], abs=1e-6)


def test_a_killed_command_keeps_what_is_finished(digits: Path, tmp_path: Path) -> None:
    flags = ("--activations", digits, "--layer", 2, "--output-dir", "out", "--executor", "thread", *QUICK)
    process = start(*flags, "--num-workers", 1, cwd=tmp_path)
    assert process.stdout is not None
    for line in process.stdout:
        if "[02/10]" in line:
            break
    process.kill()
    process.communicate()
    output, _ = train(*flags, cwd=tmp_path)
    assert " finished probes found in out" in output
    assert set(results(tmp_path / "out")) == set(NAMES)


def test_results_of_other_settings_are_not_overwritten_unasked(digits: Path, tmp_path: Path) -> None:
    flags = ("--activations", digits, "--layer", 2, "--output-dir", "out", "--batch-size", 64)
    train(*flags, "--epochs", 1, cwd=tmp_path)
    _, errors = train(*flags, "--epochs", 2, cwd=tmp_path, code=2)
    assert "epochs was 1, is 2" in errors
    assert "--overwrite" in errors
    train(*flags, "--epochs", 2, "--overwrite", cwd=tmp_path)


def test_a_class_without_positives_is_reported_and_the_others_train(digits: Path, tmp_path: Path) -> None:
    path = tmp_path / "poor.h5"
    with h5py.File(digits) as source, h5py.File(path, "w") as target:
        target.attrs["actions"] = NAMES
        for name in ("train", "val", "test"):
            source.copy(f"layer_2/{name}", target, name)
        labels = target["val/labels"][()]
        target["val/labels"][...] = np.where(labels == 4, 5, labels)
    output, _ = train("--activations", path, "--output-dir", "out", *QUICK, cwd=tmp_path)
    assert "✗ four " in output
    assert "Not scoreable: four: no positive example in split 'val'" in output
    aggregate = json.loads((tmp_path / "out" / "aggregate_metrics.json").read_text())
    assert [one["action"] for one in aggregate["not_scoreable"]] == ["four"]
    assert len(aggregate["per_action_metrics"]) == 9


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--activations", "none.h5"), "none.h5: no such file"),
        (("--activations", "{digits}", "--layer", 9), "no group 'layer_9'; it holds layer_1, layer_2"),
        (("--activations", "{digits}"), "no group 'train' in /; it holds layer_1, layer_2"),
        (("--activations", "{digits}", "--layer", 1, "--lr", "fast"), "'fast' is not a number"),
        (
            ("--activations", "{digits}", "--layer", 1, "--epochs", 0),
            "'0' is not a whole number of at least 1",
        ),
        (
            ("--activations", "{digits}", "--layer", 1, "--epochs", 1.5),
            "'1.5' is not a whole number of at least 1",
        ),
        (
            ("--activations", "{digits}", "--layer", 1, "--dropout", 1),
            "'1' is not a number from 0 to below 1",
        ),
        (
            ("--activations", "{digits}", "--layer", 1, "--device", "tpu"),
            "must be auto, cpu, cuda, cuda:<number>, mps or 0",
        ),
        (("--activations", "{digits}", "--layer", 1, "--device", "cuda:9"), "this machine shows"),
        (
            ("--activations", "{digits}", "--layer", 1, "--solver", "exact", "--model-type", "multihead"),
            "--solver exact: solves linear probes only",
        ),
        (
            ("--activations", "{digits}", "--layer", 1, "--model-type", "multihead", "--hidden-dim", 12),
            "--hidden-dim 12: must be a multiple of 8",
        ),
    ],
)
def test_wrong_input_ends_with_one_line(
    digits: Path, tmp_path: Path, flags: tuple[object, ...], message: str
) -> None:
    filled = [str(flag).replace("{digits}", str(digits)) for flag in flags]
    _, errors = train(*filled, cwd=tmp_path, code=2)
    assert message in errors.splitlines()[-1]
    assert list(tmp_path.iterdir()) == []


def test_the_contract_of_a_job(digits: Path, tmp_path: Path) -> None:
    env = {
        "TWOPHASE_JOB_ID": "j1",
        "TWOPHASE_ATTEMPT": "1",
        "TWOPHASE_PHASE": "2",
        "TWOPHASE_OUTPUT_DIR": str(tmp_path / "results"),
        "TWOPHASE_CHECKPOINT_DIR": str(tmp_path / "kept"),
        "TWOPHASE_PROGRESS_FILE": str(tmp_path / "progress"),
    }
    flags = ("--activations", digits, "--layer", 2, "--epochs", 3, "--batch_size", 64, "--prefix", "probes")
    train(*flags, cwd=tmp_path, **env)
    assert set(results(tmp_path / "results")) == set(NAMES)
    aggregate = json.loads((tmp_path / "results" / "aggregate_metrics.json").read_text())
    figures = json.loads((tmp_path / "results" / "metrics.json").read_text())
    assert (figures["probes"], figures["average_f1"]) == (len(NAMES), aggregate["average_f1"])
    lines = [json.loads(line) for line in (tmp_path / "progress").read_text().splitlines()]
    assert [(line["epoch"], line["epochs"]) for line in lines] == [(1, 3), (2, 3), (3, 3)]
    env |= {"TWOPHASE_ATTEMPT": "2", "TWOPHASE_OUTPUT_DIR": str(tmp_path / "again")}
    output, _ = train(*flags, cwd=tmp_path, **env)
    assert "10 finished probes found" in output
    assert results(tmp_path / "again") == results(tmp_path / "results")


def test_layers_spread_over_a_cluster_as_jobs(
    digits: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TWOPHASE_SLOT_DIR", str(tmp_path / "slots"))
    monkeypatch.setenv("TWOPHASE_AGENT_IDLE_S", "20")
    worker = {"host": "localhost", "gpus": 0, "cpu_slots": 2, "state_dir": str(tmp_path / "state")}
    fields = {
        "activations": str(digits),
        "epochs": 2,
        "batch_size": 64,
        "lr": [0.001, 0.01],
        "baseline": True,
    }
    jobs = {"base_model": False, "defaults": {**fields, "prefix": "probes"}, "grid": {"layer": [1, 2]}}
    run = Run(tmp_path / "jobs", [worker], jobs, script=None)
    done = run.finish("--trainer", "probes")
    assert done.returncode == 0, done.stdout + done.stderr
    found = sorted((run.layout.experiments / "probes").glob("*/aggregate_metrics.json"))
    assert sorted(json.loads(path.read_text())["layer"] for path in found) == ["1", "2"]
    assert "mean AUC" in done.stdout and "exact AUC" in done.stdout
    assert "The exact solver has a better mean AUC than the probes in 2 of 2 experiments." in done.stdout
