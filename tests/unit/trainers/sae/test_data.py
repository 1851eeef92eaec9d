"""Which examples are held out, and in what order the others come."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from tests.unit.trainers.sae.data import activations, write
from trainers.common.activations.rows import ResidentRows, StreamedRows
from trainers.sae import data
from trainers.sae.data import batches, read_examples, scale_of
from trainers.sae.settings import Settings


def visited(examples: data.Examples, epoch: int, start: int = 0) -> list[list[float]]:
    order = examples.order(0, epoch)
    return [row for _, batch in batches(examples, order, start, 20) for row in batch.tolist()]


def test_training_and_held_out_examples_are_all_and_apart(tmp_path: Path) -> None:
    examples = read_examples(write(tmp_path), None, Settings(val_share=0.1))
    seen, held = visited(examples, 0), examples.held_out.tolist()
    assert len(seen) == 360 == examples.n_train and len(held) == 40
    assert sorted(seen + held) == sorted(activations().tolist())
    assert visited(examples, 0) == seen != visited(examples, 1)
    assert visited(examples, 0, start=100) == seen[100:]


def test_an_hdf5_file_brings_its_own_split_and_may_be_streamed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, x = tmp_path / "x.h5", activations().numpy()
    with h5py.File(path, "w") as file:
        file.create_dataset("train/activations", data=x[:300], chunks=(10, 12))
        file.create_dataset("val/activations", data=x[300:])
    monkeypatch.setattr(data, "available_bytes", lambda: 12_000)
    examples = read_examples(path, None, Settings())
    assert isinstance(examples.rows, StreamedRows)
    assert examples.held_out.tolist() == x[300:].tolist()
    assert sorted(visited(examples, 0)) == sorted(x[:300].tolist())
    assert visited(examples, 0, start=100) == visited(examples, 0)[100:]


@pytest.mark.parametrize("ending", ["npy", "h5", "safetensors", "parquet"])
def test_a_file_larger_than_memory_is_streamed_and_a_part_of_it_held_out(tmp_path: Path, ending: str) -> None:
    path = written(tmp_path, ending)
    examples = read_examples(path, 3, Settings(), memory=6_000)
    whole = read_examples(path, 3, Settings())
    assert isinstance(examples.rows, StreamedRows) and isinstance(whole.rows, ResidentRows)
    assert examples.n_train == whole.n_train == 360
    assert torch.equal(examples.held_out, whole.held_out) and torch.equal(examples.sample, whole.sample)
    seen = visited(examples, 0)
    assert sorted(seen) == sorted(visited(whole, 0)) and seen != visited(whole, 0)
    assert seen != visited(examples, 1) and len(examples.order(0, 0).windows) > 2
    for start in (20, 100, 340):
        assert visited(examples, 0, start=start) == seen[start:]


def written(folder: Path, ending: str) -> Path:
    path, x = folder / f"x.{ending}", activations()
    if ending == "npy":
        np.save(path, x.numpy())
    elif ending == "h5":
        with h5py.File(path, "w") as file:
            file.create_dataset("activations", data=x.numpy(), chunks=(10, 12))
    elif ending == "safetensors":
        save_file({"layer_3": x}, path)
    else:
        pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
        pq.write_table(
            pa.table({"activation": list(x.numpy()), "layer_idx": [3] * 400}), path, row_group_size=64
        )
    return path


def test_no_more_is_held_out_than_tells_something(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(data, "HELD_OUT_MOST", 25)
    examples = read_examples(write(tmp_path), None, Settings())
    assert len(examples.held_out) == 25 and examples.n_train == 375


def test_what_is_not_on_a_gpu_stays_where_it_is(tmp_path: Path) -> None:
    examples = read_examples(write(tmp_path), None, Settings())
    assert examples.on(torch.device("cpu")) is examples


def test_activations_are_scaled_to_a_norm(tmp_path: Path) -> None:
    examples = read_examples(write(tmp_path), None, Settings())
    scale = scale_of(examples, Settings())
    assert float((examples.sample * scale.factor).norm(dim=1).mean()) == pytest.approx(12**0.5, rel=1e-5)
    raw = scale_of(examples, Settings(normalise=False))
    assert raw.factor == 1.0 and scale.variance == pytest.approx(raw.variance * scale.factor**2)
    torch.testing.assert_close(raw.mean_D, examples.sample.mean(0))


def test_a_sample_limit_takes_the_first(tmp_path: Path) -> None:
    examples = read_examples(write(tmp_path), None, Settings(max_samples=100))
    assert examples.n_train + len(examples.held_out) == 100
    assert np.isin(examples.held_out.numpy(), activations()[:100].numpy()).all()
