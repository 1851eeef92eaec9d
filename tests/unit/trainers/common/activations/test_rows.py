"""Mapped, resident and streamed rows of the same file."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.trainers.probes.data import CPU, gaussian_classes, write_hdf5
from trainers.common.activations.loading import load_rows
from trainers.common.activations.rows import ResidentRows, RowOrder, StreamedRows, read_blocks
from trainers.common.errors import BadInput
from trainers.probes.fitting.fused import FusedTraining
from trainers.probes.fitting.plan import BatchRng
from trainers.probes.reading.hdf5 import SPLITS, open_activations
from trainers.probes.reading.labels import read_targets
from trainers.probes.reading.layer import Layer
from trainers.probes.settings import Settings

PLENTY = 1 << 40


@pytest.fixture(scope="module")
def contiguous(tmp_path_factory: pytest.TempPathFactory) -> Path:
    arrays = gaussian_classes(0, 3, 5, (97, 40, 40))
    return write_hdf5(tmp_path_factory.mktemp("rows") / "contiguous.h5", arrays)


def stored(path: Path) -> torch.Tensor:
    with h5py.File(path) as file:
        return torch.from_numpy(file["train/activations"][()])


def whole(rows: ResidentRows | StreamedRows) -> torch.Tensor:
    return torch.cat([block.clone() for block in rows.blocks()])


def test_a_contiguous_dataset_is_mapped_not_copied(contiguous: Path) -> None:
    split = open_activations(contiguous).splits["train"]
    rows = load_rows(split, torch.float32, PLENTY, CPU)
    assert isinstance(rows, ResidentRows)
    assert torch.equal(rows.x_ND, stored(contiguous))
    maps = Path("/proc/self/maps").read_text()
    assert str(contiguous) in maps


@pytest.mark.parametrize("options", [{"chunks": (7, 2)}, {"chunks": (10, 5), "compression": "gzip"}, {}])
@pytest.mark.parametrize("stored_as", ["float16", "float32", "float64", ">f4"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float64])
def test_any_storage_gives_the_same_rows(
    tmp_path: Path, options: dict[str, object], stored_as: str, dtype: torch.dtype
) -> None:
    x = np.arange(60, dtype="float32").reshape(12, 5) / 8
    arrays = {name: (x.astype(stored_as), np.arange(12) % 2) for name in ("train", "val", "test")}
    path = write_hdf5(tmp_path / "data.h5", arrays, **options)
    split = open_activations(path).splits["train"]
    for limit in (PLENTY, 1):
        rows = load_rows(split, dtype, limit, CPU)
        assert isinstance(rows, (ResidentRows, StreamedRows))
        assert torch.equal(whole(rows), torch.from_numpy(x).to(dtype))


@settings(deadline=None, max_examples=30)
@given(block=st.integers(1, 40), window=st.integers(1, 6), batch=st.integers(1, 50))
def test_streaming_visits_every_row_once_a_window_at_a_time(
    contiguous: Path, block: int, window: int, batch: int
) -> None:
    split = open_activations(contiguous).splits["train"]
    rows = StreamedRows(split, torch.float32, block, window)
    order = rows.order(BatchRng(1, 0, CPU))
    assert sorted(order.rows.tolist()) == list(range(97))
    start = 0
    for one in order.windows:
        held = {row for number in one.blocks for row in rows.block_span(number)}
        assert set(order.rows[start : one.end].tolist()) == held
        start = one.end
    cursor, x = rows.cursor(order), stored(contiguous)
    for start in range(0, 97, batch):
        out = torch.empty(min(batch, 97 - start), 5)
        cursor.take(start, start + len(out), out)
        assert torch.equal(out, x[order.rows[start : start + len(out)]])


def test_a_file_that_is_damaged_while_it_is_streamed_is_named(tmp_path: Path) -> None:
    path, size = tmp_path / "layer.h5", 64
    with h5py.File(path, "w") as file:
        data = np.random.default_rng(0).standard_normal((size, 256)).astype("float32")
        for split in SPLITS:
            file.create_dataset(f"{split}/activations", data=data, chunks=(8, 256), fletcher32=True)
            file[f"{split}/labels"] = np.arange(size) % 2
        chunk = file["train/activations"].id.get_chunk_info(3)
    split = open_activations(path).splits["train"]
    rows = StreamedRows(split, torch.float32, block_size=8, window_blocks=2)
    with path.open("r+b") as raw:
        raw.seek(chunk.byte_offset)
        raw.write(b"damaged")
    cursor = rows.cursor(rows.order(BatchRng(0, 0, CPU)))
    with pytest.raises(BadInput, match=r"layer\.h5: cannot be read"):
        cursor.take(0, size, torch.empty(size, 256))
    with pytest.raises(BadInput, match=r"layer\.h5.*cannot be read from row 24 on"):
        list(read_blocks(split, 8))


def test_streamed_training_equals_resident_training_in_the_same_order(
    contiguous: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = Settings(dtype="float64", epochs=4, batch_size=16, lrs=(1e-2,))
    file = open_activations(contiguous)
    targets = read_targets(file).splits
    rows = {name: load_rows(split, torch.float64, PLENTY, CPU) for name, split in file.splits.items()}
    streamed = StreamedRows(file.splits["train"], torch.float64, 10, 3)

    def train(train_rows: ResidentRows | StreamedRows) -> list[torch.Tensor]:
        layer = Layer({**rows, "train": train_rows}, targets, CPU)
        runs = FusedTraining(layer, options, [0, 1, 2]).run()
        return [one.state["linear.weight"] for _, _, done in runs for one in done]

    expected = train(streamed)

    def same_order(_: ResidentRows, rng: BatchRng) -> RowOrder:
        return RowOrder(streamed.order(rng).rows)

    monkeypatch.setattr(ResidentRows, "order", same_order)
    resident = rows["train"]
    assert isinstance(resident, ResidentRows)
    for mine, theirs in zip(train(resident), expected, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=0, atol=1e-12)
