from __future__ import annotations

import os
from pathlib import Path

import pytest

from trainers.personalization.loading.kept_files import SETTLED_S, KeptFiles


class Reader:
    """Reads files of text, and counts how often."""

    def __init__(self, most_bytes: int = 100) -> None:
        self.reads = 0
        self.kept: KeptFiles[str] = KeptFiles(most_bytes, now=lambda: 1000.0)

    def get(self, path: Path, how: str = "") -> str:
        def read() -> str:
            self.reads += 1
            return path.read_text()

        return self.kept.get(path, how, read)


def write(path: Path, text: str, at: float = 1000.0 - SETTLED_S) -> Path:
    path.write_text(text)
    os.utime(path, (at, at))
    return path


def test_what_was_read_is_found_again_under_any_path(tmp_path: Path) -> None:
    reader, path = Reader(), write(tmp_path / "one", "a")
    (tmp_path / "two").hardlink_to(path)
    (tmp_path / "three").symlink_to(path)
    assert [reader.get(tmp_path / name) for name in ("one", "two", "three")] == ["a", "a", "a"]
    assert reader.reads == 1


def test_other_content_is_read(tmp_path: Path) -> None:
    reader, path = Reader(), write(tmp_path / "one", "a")
    assert reader.get(path) == "a"
    write(path, "b", at=990.0)
    assert reader.get(path) == "b"


def test_ways_of_reading_are_kept_apart(tmp_path: Path) -> None:
    reader, path = Reader(), write(tmp_path / "one", "a")
    reader.get(path, "so")
    reader.get(path, "otherwise")
    assert reader.reads == 2


def test_what_changed_a_moment_ago_is_read_again_as_its_next_change_may_not_show(tmp_path: Path) -> None:
    reader, path = Reader(), write(tmp_path / "one", "a", at=999.0)
    assert reader.get(path) == "a"
    write(path, "b", at=999.0)
    assert reader.get(path) == "b"


def test_those_that_were_asked_for_last_are_kept(tmp_path: Path) -> None:
    reader = Reader(most_bytes=20)
    one, two, three = (write(tmp_path / name, 10 * name[0]) for name in ("one", "two", "three"))
    for path in (one, two, one, three):
        reader.get(path)
    assert reader.reads == 3
    reader.get(one)
    assert reader.reads == 3
    reader.get(two)
    assert reader.reads == 4


def test_what_is_too_large_is_not_kept(tmp_path: Path) -> None:
    reader, path = Reader(most_bytes=9), write(tmp_path / "one", 10 * "a")
    assert [reader.get(path), reader.get(path)] == [10 * "a"] * 2
    assert reader.reads == 2


def test_a_missing_file_is_the_readers_to_tell(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Reader().get(tmp_path / "none")
