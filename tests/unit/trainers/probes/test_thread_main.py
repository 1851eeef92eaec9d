"""The probes as threads: what they write is what the command writes, and data is held once."""

from __future__ import annotations

import io
import os
import threading
from pathlib import Path

import pytest
import torch

from trainers.probes import cli
from trainers.probes.reading.hdf5 import open_activations
from trainers.probes.thread_main import SharedRows, thread_main

from .data import CPU, gaussian_classes, write_hdf5


def flags(file: Path, seed: int) -> list[str]:
    small = ["--epochs", "3", "--dtype", "float32", "--device", "cpu", "--num-workers", "1"]
    return ["--activations", str(file), "--seed", str(seed), *small]


def environ(folder: Path) -> dict[str, str]:
    output, checkpoint = folder / "output", folder / "checkpoint"
    output.mkdir(parents=True)
    checkpoint.mkdir()
    return {
        "TWOPHASE_JOB_ID": folder.name,
        "TWOPHASE_ATTEMPT": "1",
        "TWOPHASE_PHASE": "2",
        "TWOPHASE_OUTPUT_DIR": str(output),
        "TWOPHASE_CHECKPOINT_DIR": str(checkpoint),
        "TWOPHASE_PROGRESS_FILE": str(folder / "progress.jsonl"),
    }


def told(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in sorted((folder / "output").glob("metrics_*.json"))}


def test_threads_write_what_the_command_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = write_hdf5(tmp_path / "layer.h5", gaussian_classes())
    codes: dict[int, int] = {}
    outputs = {seed: io.StringIO() for seed in (1, 2)}

    def job(seed: int) -> None:
        codes[seed] = thread_main(flags(file, seed), environ(tmp_path / f"thread{seed}"), outputs[seed])

    threads = [threading.Thread(target=job, args=[seed]) for seed in outputs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert codes == {1: 0, 2: 0} and capsys.readouterr().out == ""
    for seed in outputs:
        for name, value in environ(tmp_path / f"alone{seed}").items():
            monkeypatch.setitem(os.environ, name, value)
        assert cli.main(flags(file, seed)) == 0
        alone, together = told(tmp_path / f"alone{seed}"), told(tmp_path / f"thread{seed}")
        assert len(alone) == 4 and together == alone
        assert str(file) in outputs[seed].getvalue() or "AUC" in outputs[seed].getvalue()
    assert told(tmp_path / "thread1") != told(tmp_path / "thread2")


def test_what_is_wrong_is_told_to_the_job(tmp_path: Path) -> None:
    output = io.StringIO()
    code = thread_main(flags(tmp_path / "none.h5", 1), environ(tmp_path / "a"), output)
    assert code != 0 and "none.h5" in output.getvalue()


def test_a_split_is_held_once_until_its_file_changes(tmp_path: Path) -> None:
    file = write_hdf5(tmp_path / "layer.h5", gaussian_classes())
    rows = SharedRows()

    def load(dtype: torch.dtype = torch.float32) -> object:
        return rows.load(open_activations(file).splits["train"], dtype, 1 << 30, CPU)

    first = load()
    assert load() is first
    assert load(torch.float64) is not first
    os.utime(file, ns=(1, 1))
    assert load() is not first
