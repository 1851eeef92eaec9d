"""Whole trainings: what they write, and that one that was stopped ends as if it had not been."""

from __future__ import annotations

import json
import math
import resource
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from tests.unit.trainers.sae.data import activations, log, quiet, request, write
from trainers.common.errors import BadInput, FullDiskError, TrainerError
from trainers.sae.evaluation import Evaluation
from trainers.sae.files.loading import load_sae
from trainers.sae.loop import Loop
from trainers.sae.model.architecture import KINDS
from trainers.sae.run import Request, train
from trainers.sae.training import Training


@pytest.mark.parametrize("kind", KINDS)
def test_every_architecture_learns_and_is_saved_as_it_was_measured(tmp_path: Path, kind: str) -> None:
    options = {"normalise": False, "learning_rate": 1e-2} if kind in ("relu", "gelu") else {}
    trained = quiet(request(tmp_path, write(tmp_path), architecture=kind, max_epochs=6, **options))
    steps = log(tmp_path)
    assert steps[-1]["val_fvu"] < 0.6 * steps[0]["val_fvu"] or steps[-1]["val_fvu"] < 0.05
    x = activations()
    made = load_sae(trained.path).reconstruct(x)
    fvu = float((made - x).square().sum() / (x - x.mean(0)).square().sum())
    assert fvu == pytest.approx(trained.evaluation.fvu, rel=0.4, abs=0.02)


def test_what_is_written(tmp_path: Path) -> None:
    asked = request(tmp_path / "out", write(tmp_path))
    trained = quiet(Request(**{**vars(asked), "exports": ("saelens", "sparsify"), "model_name": "m"}))
    found = {
        file.relative_to(tmp_path / "out").as_posix()
        for file in (tmp_path / "out").rglob("*")
        if file.is_file()
    }
    assert {
        "sae_layer_3.safetensors",
        "sae_layer_3_metadata.json",
        "saelens/cfg.json",
        "sparsify/layers.3/cfg.json",
        "evaluation.json",
        "train_log.jsonl",
        "train_log.csv",
        "sae_config.json",
    } <= found
    metrics = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert metrics["fvu"] == trained.evaluation.fvu and {"l0", "dead_share", "mse", "loss"} <= metrics.keys()
    metadata = json.loads((tmp_path / "out" / "sae_layer_3_metadata.json").read_text())
    for name in ("layer_idx", "learning_rate", "training_epochs", "model_name", "training_completed_at"):
        assert metadata[name] is not None, name
    assert metadata["final_val_loss"] == log(tmp_path / "out")[-1]["val_loss"]
    assert len(list((tmp_path / "out" / "checkpoints").glob("step_*.pt"))) == 3
    torch.testing.assert_close(
        load_sae(tmp_path / "out" / "saelens").reconstruct(activations()),
        trained.sae.reconstruct(activations()),
        rtol=0,
        atol=1e-4,
    )


def test_the_same_again_trains_nothing_and_other_settings_are_refused(tmp_path: Path) -> None:
    path, out = write(tmp_path), tmp_path / "out"
    quiet(request(out, path))
    before = (out / "sae_layer_3.safetensors").read_bytes()
    said: list[str] = []
    train(request(out, path), said.append, lambda *_, **__: None)
    assert (out / "sae_layer_3.safetensors").read_bytes() == before
    assert any("goes on after step 33 of 33" in line for line in said)
    with pytest.raises(
        BadInput, match=r"holds a training of other settings \(k was 4, is 5\); use --overwrite"
    ):
        quiet(request(out, path, k=5))
    quiet(Request(**{**vars(request(out, path, k=5)), "overwrite": True}))
    assert json.loads((out / "sae_layer_3_metadata.json").read_text())["k"] == 5


def test_a_finished_training_writes_nothing_again_but_new_exports(tmp_path: Path) -> None:
    asked, out = request(tmp_path / "out", write(tmp_path)), tmp_path / "out"
    quiet(asked)
    names = ("sae_layer_3.safetensors", "sae_layer_3_metadata.json", "evaluation.json", "metrics.json")
    before, said = [(out / name).stat().st_ino for name in names], list[str]()
    train(replace(asked, exports=("saelens",)), said.append, lambda *_, **__: None)
    assert [(out / name).stat().st_ino for name in names] == before
    assert "it is finished and its results are there: none of them is written again" in said
    assert (out / "saelens" / "cfg.json").is_file()
    (out / "metrics.json").unlink()
    quiet(asked)
    assert (out / "metrics.json").is_file()


@pytest.mark.parametrize("row", range(0, 400, 57))
def test_data_of_equal_shape_that_differ_in_a_row_are_other_data(tmp_path: Path, row: int) -> None:
    path, out = write(tmp_path), tmp_path / "out"
    quiet(request(out, path, max_epochs=1))
    weights, x = (out / "sae_layer_3.safetensors").read_bytes(), activations().numpy()
    x[row] += 1
    np.save(path, x)
    with pytest.raises(BadInput, match=r"other settings \(data was .*use --overwrite"):
        quiet(request(out, path, max_epochs=1))
    assert (out / "sae_layer_3.safetensors").read_bytes() == weights


@pytest.mark.parametrize("kind", ["relu", "topk"])
def test_a_training_that_diverges_saves_nothing_and_says_so(tmp_path: Path, kind: str) -> None:
    asked = request(tmp_path / "out", write(tmp_path), architecture=kind, learning_rate=1e30)
    with pytest.raises(TrainerError, match=r"the loss is no number; nothing is saved: lower --learning-rate"):
        quiet(asked)
    found = {path.name for path in (tmp_path / "out").iterdir()}
    assert not found & {"sae_layer_3.safetensors", "sae_layer_3_metadata.json", "metrics.json"}
    quiet(replace(request(tmp_path / "out", asked.activation_path, architecture=kind), overwrite=True))


def test_a_training_that_diverges_late_or_learns_nothing_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found, seen, said = Training.evaluate, list[int](), list[str]()

    def diverging(training: Training, held_out: torch.Tensor) -> Evaluation:
        seen.append(1)
        return replace(found(training, held_out), loss=math.nan if len(seen) > 1 else 1.0)

    monkeypatch.setattr(Training, "evaluate", diverging)
    asked = request(tmp_path / "out", write(tmp_path), max_epochs=1, val_per_epoch=2)
    train(asked, said.append, lambda *_, **__: None)
    assert "the loss became no number: what is saved is from before that" in said[-1]
    assert json.loads((tmp_path / "out" / "sae_layer_3_metadata.json").read_text())["final_val_loss"] is None
    monkeypatch.undo()
    wild = request(tmp_path / "wild", asked.activation_path, architecture="relu", learning_rate=1e5)
    train(wild, said.append, lambda *_, **__: None)
    assert "it explains nothing" in said[-1]


def test_activations_that_lightning_cannot_stream_are_refused_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("lightning")
    monkeypatch.setattr("trainers.sae.run.memory_for_rows", lambda: 6_000)
    with pytest.raises(BadInput, match="needs activations that fit into memory: lower --max-samples"):
        quiet(request(tmp_path / "out", write(tmp_path), engine="lightning", architecture="topk"))
    assert not (tmp_path / "out").exists()


def test_overwriting_leaves_no_old_file_and_not_what_it_starts_from(tmp_path: Path) -> None:
    asked, out = request(tmp_path / "out", write(tmp_path)), tmp_path / "out"
    quiet(replace(asked, exports=("saelens", "sparsify")))
    (out / "own.txt").touch()
    other = replace(asked, layer_idx=4, overwrite=True)
    with pytest.raises(BadInput, match=r"lies in .*out, which --overwrite empties"):
        quiet(replace(other, start=out / "sae_layer_3.safetensors"))
    quiet(other)
    assert {path.name for path in out.iterdir()} == {
        *("own.txt", "checkpoints", "sae_config.json", "evaluation.json", "metrics.json"),
        *("sae_layer_4.safetensors", "sae_layer_4_metadata.json", "train_log.jsonl", "train_log.csv"),
    }


def test_a_batch_that_is_cut_is_told(tmp_path: Path) -> None:
    said: list[str] = []
    asked = request(tmp_path / "out", write(tmp_path), batch_size=5000, max_epochs=1)
    train(asked, said.append, lambda *_, **__: None)
    assert any("batch 360 (all examples there are, not the 5000 of --batch-size)" in line for line in said)


def test_kernels_that_cannot_be_are_refused_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TRITON_INTERPRET", raising=False)
    with pytest.raises(BadInput, match="--kernels triton: there is no CUDA device"):
        quiet(request(tmp_path / "out", write(tmp_path), kernels="triton"))
    assert not (tmp_path / "out").exists()


def test_starting_from_another_autoencoder(tmp_path: Path) -> None:
    path = write(tmp_path)
    quiet(request(tmp_path / "base", path, max_epochs=6))
    asked = request(tmp_path / "next", path, max_epochs=1, max_steps=1, learning_rate=1e-9)
    started = quiet(Request(**{**vars(asked), "start": tmp_path / "base"}))
    base = load_file(tmp_path / "base" / "sae_layer_3.safetensors")
    torch.testing.assert_close(
        load_file(started.path)["encoder.weight"], base["encoder.weight"], atol=1e-5, rtol=0
    )
    other = request(tmp_path / "other", path, latent_dim=40)
    with pytest.raises(BadInput, match="has n_latents 48, the training 40; both must be equal"):
        quiet(Request(**{**vars(other), "start": tmp_path / "base"}))


def test_another_try_at_a_child_goes_on_from_its_own_checkpoint_whatever_its_parent_is_by_then(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path)
    for name, seed in (("parent", 0), ("repeated", 1)):
        quiet(request(tmp_path / name, path, seed=seed))
    child = replace(request(tmp_path / "child", path), start=tmp_path / "parent", is_child=True)
    whole = load_file(quiet(child).path)
    again = replace(child, output_dir=tmp_path / "again", checkpoint_dir=tmp_path / "kept")
    with pytest.raises(KeyboardInterrupt), monkeypatch.context() as patched:
        patched.setattr(Loop, "run", _interrupted)
        quiet(again)
    found = load_file(quiet(replace(again, start=tmp_path / "repeated")).path)
    assert all(torch.equal(found[name], whole[name]) for name in whole)
    other = quiet(
        replace(child, output_dir=tmp_path / "o", checkpoint_dir=tmp_path / "ok", start=tmp_path / "repeated")
    )
    assert not torch.equal(load_file(other.path)["encoder.weight"], whole["encoder.weight"])


def _interrupted(loop: Loop, progress: Any) -> None:
    raise KeyboardInterrupt


def test_features_come_with_their_snippets(tmp_path: Path) -> None:
    arrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    x = activations()
    table = {"activation": list(x.numpy()), "layer_idx": [3] * len(x), "token_id": list(range(len(x)))}
    table["text_snippet"] = [f"snippet {row}" for row in range(len(x))]
    parquet.write_table(arrow.table(table), tmp_path / "x.parquet")
    asked = request(tmp_path / "out", tmp_path / "x.parquet")
    trained = quiet(Request(**{**vars(asked), "exports": ("features",)}))
    found = parquet.read_table(tmp_path / "out" / "features.parquet").to_pylist()
    assert [row["id"] for row in found] == list(range(48)) and found[0]["layer_idx"] == 3
    strongest = max(found, key=lambda row: max(row["top_strengths"], default=0))
    best = strongest["top_examples"][0]
    assert strongest["top_snippets"][0] == f"snippet {best}" and strongest["top_tokens"][0] == best
    sae = trained.sae
    h = (x - sae.parameters["b_dec"]) @ sae.parameters["W_enc"].t() + sae.parameters["b_enc"]
    assert int(h[:, strongest["id"]].argmax()) == best
    assert strongest["top_strengths"][0] == pytest.approx(float(h[best, strongest["id"]]), rel=1e-4)


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (np.ones((400, 4), "f4"), "the activations never change"),
        (np.full((400, 4), np.nan, "f4"), "must be finite"),
        (np.random.default_rng(0).normal(size=(30, 4)), "less than a step of"),
        (np.random.default_rng(0).normal(size=(3, 4)), "too few to hold"),
    ],
)
def test_activations_that_cannot_be_trained_on(tmp_path: Path, x: np.ndarray, message: str) -> None:
    np.save(tmp_path / "x.npy", x)
    with pytest.raises(BadInput, match=message):
        quiet(request(tmp_path / "out", tmp_path / "x.npy", accumulate=2))
    assert not (tmp_path / "out").exists()


def test_with_a_cache_in_memory_or_streamed_the_weights_are_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, said = tmp_path / "x.h5", list[str]()
    with h5py.File(path, "w") as file:
        file.create_dataset("activations", data=activations().numpy(), chunks=(10, 12), compression="gzip")
    for memory in (1 << 30, 6_000):
        monkeypatch.setattr("trainers.sae.run.memory_for_rows", lambda memory=memory: memory)
        weights = []
        for number, cache in enumerate(("off", str(tmp_path / "cache"), str(tmp_path / "cache"))):
            asked = replace(request(tmp_path / f"{memory}_{number}", path), prepared_cache=cache)
            train(asked, said.append, lambda *_, **__: None)
            weights.append((asked.output_dir / "sae_layer_3.safetensors").read_bytes())
        assert weights[0] == weights[1] == weights[2]
    told = [line for line in said if line.startswith("activations: 0 MiB")]
    assert ["prepared and kept" in line for line in told] == [True, False, False, False]
    assert all("prepared before" in line for line in told[1:])


def test_a_stream_goes_on_in_the_order_that_it_began_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path)
    monkeypatch.setattr("trainers.sae.run.memory_for_rows", lambda: 6_000)
    quiet(request(tmp_path / "whole", path))
    asked, said = request(tmp_path / "parts", path), list[str]()
    monkeypatch.setattr(Loop, "run", stopping_after(20, Loop.run))
    with pytest.raises(KeyboardInterrupt):
        quiet(asked)
    monkeypatch.undo()
    monkeypatch.setattr("trainers.sae.run.memory_for_rows", lambda: 3_000)
    train(asked, said.append, lambda *_, **__: None)
    assert "began with 0 MiB of memory for activations; there are 0 MiB now" in said[0]
    parts, whole = (tmp_path / name / "sae_layer_3.safetensors" for name in ("parts", "whole"))
    assert parts.read_bytes() == whole.read_bytes()


def stopping_after(steps: int, run: Callable[..., None]) -> Callable[..., None]:
    """Return `Loop.run` that saves and stops at a step."""

    def run_on(loop: Loop, progress: Callable[..., None]) -> None:
        after = loop._after_step

        def stop(*args: Any) -> None:
            after(*args)
            if loop.place.step == steps:
                loop.save()
                raise KeyboardInterrupt

        loop._after_step = stop  # type: ignore[method-assign]
        run(loop, progress)

    return run_on


def test_a_disk_that_fills_leaves_the_checkpoint_from_which_it_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path)
    quiet(request(tmp_path / "whole", path))
    asked = request(tmp_path / "parts", path)
    monkeypatch.setattr(Loop, "run", stopping_after(20, Loop.run))
    with pytest.raises(KeyboardInterrupt):
        quiet(asked)
    monkeypatch.undo()
    before = (asked.checkpoint_dir / "sae_checkpoint.pt").read_bytes()
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) // 2, limit[1]))
    try:
        with pytest.raises(FullDiskError, match=r"no room: .*the same command goes on") as told:
            quiet(asked)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    assert told.value.exit_code == 1
    assert (asked.checkpoint_dir / "sae_checkpoint.pt").read_bytes() == before
    assert not list(asked.checkpoint_dir.glob(".*")), "nothing half is left"
    quiet(asked)
    parts, whole = (tmp_path / name / "sae_layer_3.safetensors" for name in ("parts", "whole"))
    assert parts.read_bytes() == whole.read_bytes()
