"""Files and directories get their final names whole, from another file system too."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from worker_agent.protocol import renaming
from worker_agent.protocol.renaming import rename


@pytest.fixture
def two_disks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """Return two folders between which nothing can be renamed."""
    disks = tmp_path / "one", tmp_path / "other"
    for disk in disks:
        disk.mkdir()
    within = Path.replace

    def replace(source: Path, target: Path) -> Path:
        if (disks[0] in source.parents) != (disks[0] in target.parents):
            raise OSError(errno.EXDEV, os.strerror(errno.EXDEV), str(source))
        return within(source, target)

    monkeypatch.setattr(Path, "replace", replace)
    return disks


def test_a_directory_comes_whole_from_another_file_system(two_disks: tuple[Path, Path]) -> None:
    staged, final = (disk / "result" for disk in two_disks)
    (staged / "runs" / "empty").mkdir(parents=True)
    (staged / "runs" / "a.sh").write_text("a")
    (staged / "runs" / "a.sh").chmod(0o755)
    left_by_a_crash = final.with_name(".result.incoming")
    left_by_a_crash.mkdir()
    rename(staged, final)
    assert sorted(path.name for path in final.rglob("*")) == ["a.sh", "empty", "runs"]
    assert os.access(final / "runs" / "a.sh", os.X_OK)
    assert not staged.exists() and not left_by_a_crash.exists()


def test_a_file_takes_the_place_of_one(two_disks: tuple[Path, Path]) -> None:
    staged, final = (disk / "log.txt" for disk in two_disks)
    staged.write_text("new")
    final.write_text("old")
    rename(staged, final)
    assert final.read_text() == "new" and [path.name for path in final.parent.iterdir()] == ["log.txt"]


def test_nothing_is_lost_where_the_name_is_taken_or_the_disk_is_full(
    two_disks: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    staged, final = (disk / "result" for disk in two_disks)
    for folder in (staged, final):
        folder.mkdir()
        (folder / folder.parent.name).write_text("")
    with pytest.raises(OSError, match="not empty"):
        rename(staged, final)

    def full(source: str, target: str) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), target)

    monkeypatch.setattr(renaming, "copy_file", full)
    with pytest.raises(OSError):
        rename(staged, final.with_name("another"))
    assert [path.name for path in staged.iterdir()] == ["one"]
    assert [path.name for path in final.parent.iterdir()] == ["result"]


def test_other_errors_are_told(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        rename(tmp_path / "gone", tmp_path / "final")
