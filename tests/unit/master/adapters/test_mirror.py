"""Directories made equal to others on the same machine."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from master.adapters.mirror import TEMPORARY_PREFIX, mirror


def make(directory: Path, **files: str) -> Path:
    directory.mkdir()
    for name, content in files.items():
        (directory / name).write_text(content)
    return directory


def test_a_file_that_is_equal_is_not_written_again(tmp_path: Path) -> None:
    source = make(tmp_path / "source", a="one", b="two")
    mirror(source, tmp_path / "target")
    before = {path.name: path.stat().st_ino for path in (tmp_path / "target").iterdir()}
    (source / "b").write_text("TWO")
    (source / "a").chmod(0o640)
    mirror(source, tmp_path / "target")
    after = {path.name: path.stat().st_ino for path in (tmp_path / "target").iterdir()}
    assert after["a"] == before["a"]
    assert (tmp_path / "target" / "a").stat().st_mode & 0o777 == 0o640
    assert (tmp_path / "target" / "b").read_text() == "TWO"


def test_equal_size_and_time_do_not_hide_other_content(tmp_path: Path) -> None:
    source, target = make(tmp_path / "source", a="one"), make(tmp_path / "target", a="two")
    for directory in (source, target):
        os.utime(directory / "a", ns=(1, 1))
    mirror(source, target)
    assert (target / "a").read_text() == "one"


def test_an_interrupted_copy_shows_no_half_file_and_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = make(tmp_path / "source", a="one", b="two")
    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", break_at("b"))
        with pytest.raises(OSError, match="unplugged"):
            mirror(source, tmp_path / "target")
    names = {path.name for path in (tmp_path / "target").iterdir()}
    assert not {name for name in names if name.startswith(TEMPORARY_PREFIX)}
    assert "b" not in names
    mirror(source, tmp_path / "target")
    assert (tmp_path / "target" / "b").read_text() == "two"


def break_at(name: str) -> object:
    real = Path.replace

    def replace(self: Path, target: Path) -> Path:
        if target.name == name:
            raise OSError("unplugged")
        return real(self, target)

    return replace


def test_what_a_killed_copy_left_goes_away(tmp_path: Path) -> None:
    source, target = make(tmp_path / "source", a="one"), make(tmp_path / "target")
    (target / f"{TEMPORARY_PREFIX}left").write_text("half")
    mirror(source, target)
    assert [path.name for path in target.iterdir()] == ["a"]


def test_pipes_and_sockets_are_left_out(tmp_path: Path) -> None:
    source = make(tmp_path / "source", a="one")
    os.mkfifo(source / "pipe")
    mirror(source, tmp_path / "target")
    assert [path.name for path in (tmp_path / "target").iterdir()] == ["a"]


def test_a_source_that_is_missing_leaves_the_target_alone(tmp_path: Path) -> None:
    target = make(tmp_path / "target", a="one")
    with pytest.raises(FileNotFoundError):
        mirror(tmp_path / "nothing", target)
    assert (target / "a").read_text() == "one"
