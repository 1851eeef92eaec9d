"""What counts as the content of a directory."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from worker_agent.protocol import digests
from worker_agent.protocol.digests import FileDigest, digest_directory, fsync_tree


def write(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)
    return folder


def test_every_file_counts_whatever_it_is_called(tmp_path: Path) -> None:
    write(tmp_path, "manifest.json", "sub/manifest.json", "-rf", "a\nb", "ü")
    os.mkfifo(str(tmp_path / "pipe"))
    (tmp_path / "dangling").symlink_to("nowhere")
    assert [item.path for item in digest_directory(tmp_path)] == [
        *("-rf", "a\nb", "manifest.json", "sub/manifest.json", "ü"),
    ]


def test_what_is_not_there_holds_nothing(tmp_path: Path) -> None:
    assert digest_directory(tmp_path / "gone") == []


def test_a_folder_that_cannot_be_looked_into_is_not_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, "a", "closed/b")
    real = os.scandir

    def scandir(path: str | Path) -> object:
        if str(path).endswith("closed"):
            raise PermissionError(13, "Permission denied", str(path))
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    with pytest.raises(PermissionError, match="closed"):
        digest_directory(tmp_path)


def test_a_row_is_a_digest_again() -> None:
    digest = FileDigest("a/b", 3, "f" * 64)
    assert FileDigest.from_row(list(digest)) == digest


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        (["/a", 1, "f"], "unsafe path"),
        (["", 1, "f"], "unsafe path"),
        (["a/../b", 1, "f"], "unsafe path"),
        (["a\0", 1, "f"], "unsafe path"),
        (["a", "1", "f"], "not a file digest"),
        (["a", 1], "not enough values"),
    ],
)
def test_a_row_that_names_no_file_below_is_refused(row: list[object], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        FileDigest.from_row(row)


@pytest.mark.parametrize(("files", "has_it", "expected"), [(300, True, 0), (300, False, 301), (3, True, 4)])
def test_many_files_are_made_durable_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: int, has_it: bool, expected: int
) -> None:
    for number in range(files):
        (tmp_path / str(number)).touch()
    synced: list[Path] = []
    monkeypatch.setattr(digests, "fsync_directory", synced.append)
    monkeypatch.setattr(digests, "sync_file_system", lambda directory: has_it and directory == tmp_path)
    fsync_tree(tmp_path)
    assert len(synced) == expected
