"""What trainings left."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from master.storage.run_layout import RunLayout
from master.web.api import files as module
from master.web.api.files import LOG, checkpoints, log_lines
from master.web.api.trainings import Checkpoints
from worker_agent.protocol.layout import attempt_name


def test_the_records_of_a_log(tmp_path: Path) -> None:
    (tmp_path / LOG).write_text("{}\n[]\n")
    assert log_lines(tmp_path) == ["{}", "[]"]


def test_a_log_that_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "secret").write_text("secret")
    (tmp_path / LOG).symlink_to(tmp_path / "secret")
    with pytest.raises(OSError):
        log_lines(tmp_path)
    (tmp_path / LOG).unlink()
    os.mkfifo(tmp_path / LOG)
    with pytest.raises(ValueError):
        log_lines(tmp_path)
    (tmp_path / LOG).unlink()
    (tmp_path / LOG).write_bytes(b"\xff")
    with pytest.raises(ValueError):
        log_lines(tmp_path)
    monkeypatch.setattr(module, "_MOST_BYTES", 0)
    with pytest.raises(ValueError):
        log_lines(tmp_path)


def test_the_newest_of_what_an_earlier_try_left(tmp_path: Path) -> None:
    layout = RunLayout(tmp_path)
    assert checkpoints(layout, "sae/t1") == Checkpoints()
    folder = layout.checkpoints / attempt_name("sae/t1", 1) / ("c" * 64)
    folder.mkdir(parents=True)
    for number, at in ((1, 10), (2, 20)):
        path = folder / f"step_{number}.pt"
        path.write_bytes(b"x" * number)
        os.utime(path, (at, at))
    found = checkpoints(layout, "sae/t1")
    assert found.total == 2 and found.latest == {
        "filename": "step_2.pt",
        "path": str((folder / "step_2.pt").relative_to(tmp_path)),
        "size_bytes": 2,
        "modified_at": "1970-01-01T00:00:20.000+00:00",
    }
    assert checkpoints(layout, "sae/t2") == Checkpoints()
