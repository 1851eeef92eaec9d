"""Jobs of one process: what they write is what the command writes, alone or at once; data is held once."""

from __future__ import annotations

import io
import os
import re
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch

from trainers.probes import cli
from trainers.probes.reading.hdf5 import open_activations
from trainers.probes.thread_main import SharedRows, group_main, thread_main
from worker_agent.protocol.members import EXIT_CANCELLED

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


class Job:
    """A member of a group, which is cancelled when it is asked for the `until`th time."""

    def __init__(self, folder: Path, *argv: str, until: int = 1000) -> None:
        self.argv: Sequence[str] = argv
        self.folder, self.environ = folder, environ(folder)
        self.directory = str(folder.parent)
        self.output = io.StringIO()
        self.code: int | None = None
        self._until = until

    def cancelled(self) -> bool:
        self._until -= 1
        return self._until < 0

    def finish(self, code: int) -> None:
        assert self.code is None, "a job ends once"
        self.code = code

    def files(self) -> dict[str, bytes]:
        """Return what it has written, but for the time that it took."""
        found = {str(one.relative_to(self.folder)): one for one in self.folder.rglob("*") if one.is_file()}
        timed = re.compile(rb'"(total_training_time_seconds|total_time_hours|time_minutes)": [0-9.e-]+')
        return {name: timed.sub(b"", path.read_bytes()) for name, path in sorted(found.items())}


SMALL = ("--epochs", "4", "--device", "cpu", "--num-workers", "1", "--batch-size", "32")
WAYS = (
    ("--lr", "0.01"),
    ("--lr", "0.001,0.1", "--pos-weight", "balanced"),
    ("--lr", "0.05", "--epochs", "6", "--early-stopping-patience", "1"),
    ("--seed", "3", "--weight-decay", "0.1"),
    ("--lr", "0.1", "--no-scheduler", "--bias-start", "zero"),
    ("--solver", "exact"),
)


@pytest.mark.parametrize("kind", ["linear", "multihead"])
def test_jobs_at_once_write_what_each_writes_alone(tmp_path: Path, kind: str) -> None:
    for layer in (1, 2):
        write_hdf5(tmp_path / f"layer_{layer}.h5", gaussian_classes(layer))
    own = ("--activations", "layer_{layer}.h5", *SMALL, "--model-type", kind, "--hidden-dim", "16", "--layer")
    ways, every = (WAYS, (["1"], ["2"], ["1", "2"])) if kind == "linear" else (WAYS[:2], (["1"],))
    flags = [(*own, *layers, *way) for way in ways for layers in every]
    jobs = [Job(tmp_path / f"job{number}", *words) for number, words in enumerate(flags)]
    group_main(jobs)
    assert {job.code for job in jobs} == {0}
    for number, (job, words) in enumerate(zip(jobs, flags, strict=True)):
        (tmp_path / "alone").mkdir(exist_ok=True)
        alone = Job(tmp_path / "alone" / f"job{number}", *words)
        alone.directory = str(tmp_path)
        group_main([alone])
        assert alone.code == 0 and job.files() == alone.files()
        assert any("probe_class_1.pth" in name for name in job.files())


def test_a_member_with_bad_input_ends_with_its_own_message_and_the_others_go_on(tmp_path: Path) -> None:
    file = write_hdf5(tmp_path / "layer.h5", gaussian_classes())
    usual = ("--activations", str(file), *SMALL)
    bad = [
        Job(tmp_path / "a", "--activations", "none.h5", *SMALL),
        Job(tmp_path / "b", *usual, "--lr", "x"),
        Job(tmp_path / "c", *usual, "--model-type", "multihead", "--hidden-dim", "9"),
    ]
    diverges, good = Job(tmp_path / "d", *usual, "--lr", "1e30"), Job(tmp_path / "e", *usual)
    group_main([*bad[:2], good, bad[2], diverges])
    assert [job.code for job in bad] == [2, 2, 2] and (good.code, diverges.code) == (0, 0)
    assert "none.h5" in bad[0].output.getvalue() and "--lr" in bad[1].output.getvalue()
    assert "must be a multiple of 8" in bad[2].output.getvalue()
    alone = Job(tmp_path / "alone", *usual)
    group_main([alone])
    assert good.files() == alone.files()


def test_a_member_that_is_cancelled_leaves_and_goes_on_later(tmp_path: Path) -> None:
    file = write_hdf5(tmp_path / "layer.h5", gaussian_classes())
    words = ("--activations", str(file), *SMALL, "--lr", "0.05,1e-6", "--early-stopping-patience", "1")
    jobs = [Job(tmp_path / str(at), *words, until=2 + 998 * at) for at in range(2)]
    group_main(jobs)
    assert [job.code for job in jobs] == [EXIT_CANCELLED, 0] and "cancelled" in jobs[0].output.getvalue()
    jobs[0].code, jobs[0]._until = None, 1000
    group_main(jobs[:1])
    assert jobs[0].code == 0
    written = [{name for name in job.files() if "output" in name} for job in jobs]
    assert written[0] == written[1]
