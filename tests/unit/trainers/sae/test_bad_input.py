"""What cannot be trained on is one line and exit code 2, before anything is written."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from tests.unit.trainers.sae.data import activations, quiet, request, sae, write
from trainers.sae.cli import main
from trainers.sae.files.seed import write_seed

pa = pytest.importorskip("pyarrow")
import pyarrow.parquet as pq  # noqa: E402

X = activations().numpy()
FLAGS = ["--device", "cpu", "--num-workers", "1", "--precision", "float32", "--prepared-cache", "off"]
SMALL = ["--latent-dim", "48", "--k", "4", "--batch-size", "32", "--max-epochs", "1"]


def told(capsys: pytest.CaptureFixture[str], out: Path, *argv: str, code: int = 2) -> str:
    """Return the one line that a training ends with; nothing may have been written."""
    there = sorted(out.rglob("*")) if out.exists() else None
    assert main([*FLAGS, *SMALL, "--output-dir", str(out), *argv]) == code
    assert (sorted(out.rglob("*")) if out.exists() else None) == there
    found = capsys.readouterr().err
    assert found.startswith("train_sae: ") and found.count("\n") == 1
    return found


def parquet(x: Any, **columns: Any) -> Callable[[Path], None]:
    table = {"activation": list(x), "layer_idx": [3] * len(x), **columns}
    kept = {name: values for name, values in table.items() if values is not None}
    return lambda path: pq.write_table(pa.table(kept), path)


def cut(make: Callable[[Path], Any]) -> Callable[[Path], None]:
    def made(path: Path) -> None:
        make(path)
        path.write_bytes(path.read_bytes()[:-100])

    return made


def layers(path: Path) -> None:
    with h5py.File(path, "w") as file:
        file["layer_3/activations"], file["layer_5/activations"] = X, X


def npy(x: np.ndarray) -> Callable[[Path], None]:
    return lambda path: np.save(path, x)


SPOILT = X.copy()
SPOILT[7, 2] = np.inf
FILES: dict[str, tuple[str, Callable[[Path], Any], str]] = {
    "no column of activations": (
        "parquet",
        parquet(X, activation=None),
        "no column 'activation'; it holds layer_idx",
    ),
    "no column of layers": (
        "parquet",
        parquet(X, layer_idx=None),
        "nothing tells which rows are of that layer",
    ),
    "ragged": ("parquet", parquet([[1.0, 2.0], [1.0]]), "ragged: rows have 1 to 2 values"),
    "empty lists": ("parquet", parquet([[], []]), "activation is empty"),
    "no rows": (
        "parquet",
        lambda path: pq.write_table(
            pa.table(
                {"activation": pa.array([], pa.list_(pa.float32())), "layer_idx": pa.array([], pa.int32())}
            ),
            path,
        ),
        "no row of layer 3; it is empty",
    ),
    "another layer": (
        "parquet",
        parquet(X, layer_idx=[5, 6] * 200),
        "no row of layer 3; the layers there are 5, 6",
    ),
    "no such group": (
        "h5",
        lambda path: h5py.File(path, "w").create_group("layer_5").file.close(),
        "no group 'layer_3'; it holds layer_5",
    ),
    "no such tensor": (
        "safetensors",
        lambda path: save_file({"layer_5": torch.ones(9, 2)}, path),
        "no tensor 'layer_3' and no 'activations'; it holds layer_5",
    ),
    "infinite": ("npy", npy(SPOILT), "holds 0 NaN and 1 infinite values, the first in row 7"),
    "infinite in lists": (
        "parquet",
        parquet(SPOILT),
        "holds 0 NaN and 1 infinite values, the first in row 7",
    ),
    "not a number": ("npy", npy(np.full_like(X, np.nan)), "4800 NaN"),
    "constant": ("npy", npy(np.ones_like(X)), "the activations never change"),
    "truncated Parquet": ("parquet", cut(parquet(X)), "truncated or not a Parquet file"),
    "truncated HDF5": ("h5", cut(layers), "truncated or not an HDF5 file"),
    "truncated safetensors": (
        "safetensors",
        cut(lambda path: save_file({"a": torch.ones(90, 2)}, path)),
        "truncated or not a safetensors file",
    ),
    "truncated array": ("npy", cut(npy(X)), "truncated or not a .npy file"),
    "too few": ("npy", npy(X[:8]), "8 examples are too few to hold 0.1 of them out"),
    "no matrix": ("npy", npy(X[0]), "must be [examples, features]"),
    "whole numbers": ("npy", npy(X.astype(int)), "must be one array of float16"),
    "no activations": ("csv", lambda path: path.write_text("a,b"), "not a file of activations"),
}


@pytest.mark.parametrize("name", FILES)
def test_files_that_cannot_be_trained_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    ending, make, message = FILES[name]
    path = tmp_path / f"x.{ending}"
    make(path)
    found = told(capsys, tmp_path / "out", "--activation-path", str(path), "--layer-idx", "3")
    assert (message in found and str(path) in found) or name in ("constant", "too few")
    assert message in found


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["--latent-dim", "0"], "latent_dim: '0' is not a whole number of at least 1"),
        (["--latent-dim", "-8"], "latent_dim: '-8' is not a whole number of at least 1"),
        (["--k", "0"], "k: '0' is not a whole number of at least 1"),
        (["--k", "-1"], "k: '-1' is not a whole number of at least 1"),
        (["--k", "49"], "k 49 is above the number of latents, 48; lower --k"),
        (["--learning-rate", "nan"], "learning_rate: 'nan' is not a number above 0"),
        (["--batch-size", "0"], "batch_size: '0' is not a whole number of at least 1"),
        (["--val-share", "0"], "val_share: '0.0' is not a number above 0 and below 1"),
        (["--val-share", "nan"], "val_share: 'nan' is not a number above 0 and below 1"),
        (["--tune-k", "3"], "--tune-k: for what starts from a base model, and there is none"),
        (["--device", "cuda:0"], "this machine shows 0 CUDA devices"),
        (["--log", "other"], "--log other: must be of tensorboard, wandb"),
        (["--start", "nowhere"], "nowhere: one autoencoder is wanted, found none"),
        (["--latent-dim", "1000000000000"], "out of memory while training"),
    ],
)
def test_settings_that_cannot_be_trained_with(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    argv: list[str],
    message: str,
) -> None:
    monkeypatch.setattr("torch.cuda.device_count", lambda: 0)
    code = 3 if "memory" in message else 2
    found = told(capsys, tmp_path / "out", "--activation-path", str(write(tmp_path)), *argv, code=code)
    assert message in found


def test_an_autoencoder_of_another_shape_is_no_start(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_seed(tmp_path / "base", "sae", sae("topk"))
    path = ["--activation-path", str(write(tmp_path)), "--start", str(tmp_path / "base")]
    assert "has kind topk, the training batchtopk" in told(capsys, tmp_path / "out", *path)
    found = told(capsys, tmp_path / "out", *path, "--architecture", "topk", "--latent-dim", "40")
    assert "has n_latents 48, the training 40; both must be equal" in found


def test_results_and_checkpoints_of_another_training_stay(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, path = tmp_path / "out", write(tmp_path)
    quiet(request(out, path, max_epochs=1))
    argv = ["--activation-path", str(path), "--layer-idx", "3"]
    found = told(capsys, out, *argv, "--k", "5")
    assert "holds a training of other settings" in found and "k was 4, is 5" in found
    assert "use --overwrite" in found
    (out / "sae_config.json").unlink()
    state = out / "checkpoints" / "sae_checkpoint.pt"
    state.write_bytes(state.read_bytes()[:-50])
    assert main([*FLAGS, *SMALL, "--output-dir", str(out), *argv]) == 2
    assert "cannot be read as tensors" in capsys.readouterr().err and state.exists()
