"""What comes from a worker is what was announced, or nothing."""

from __future__ import annotations

import os
import shutil
import stat
from collections import namedtuple
from pathlib import Path

import pytest

from master.adapters.rsync import PARTIAL_DIR
from master.errors import FULL_DISK, IntegrityError
from master.transfers.intake import LARGE_BYTES, check_names, check_room, clear_others, take_in
from worker_agent.protocol.digests import FileDigest

Usage = namedtuple("Usage", "total used free")


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "incoming"
    (made / "deep").mkdir(parents=True)
    (made / "deep" / "a").write_text("one")
    (made / "b").write_text("two")
    return made


NAMES = {"deep/a", "b"}


def test_modes_become_ours(folder: Path) -> None:
    (folder / "b").chmod(0o6777)
    (folder / "deep" / "a").chmod(0o466)
    (folder / "deep").chmod(0o2777)
    take_in(folder, NAMES)
    assert (mode_of(folder / "b"), mode_of(folder / "deep" / "a"), mode_of(folder / "deep")) == (
        *(0o755, 0o644, 0o755),
    )


def test_what_others_could_not_read_they_still_cannot(folder: Path) -> None:
    (folder / "b").chmod(0o600)
    (folder / "deep").chmod(0o700)
    take_in(folder, NAMES)
    assert (mode_of(folder / "b"), mode_of(folder / "deep")) == (0o600, 0o700)


@pytest.mark.parametrize("name", ["manifest.json", "deep/a", "deep/new"])
def test_a_link_is_refused_whatever_it_points_to(folder: Path, tmp_path: Path, name: str) -> None:
    aim = tmp_path / "bashrc"
    aim.write_text("mine")
    (folder / name).unlink(missing_ok=True)
    (folder / name).symlink_to(aim)
    with pytest.raises(IntegrityError, match=name):
        take_in(folder, NAMES | {name})
    assert aim.read_text() == "mine"


def test_a_link_to_a_folder_is_refused_and_not_entered(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "b").write_text("x")
    (tmp_path / "home" / "b").chmod(0o777)
    (folder / "home").symlink_to(tmp_path / "home", target_is_directory=True)
    with pytest.raises(IntegrityError, match="home"):
        take_in(folder, NAMES | {"home/b"})
    assert mode_of(tmp_path / "home" / "b") == 0o777


def test_a_pipe_is_refused(folder: Path) -> None:
    os.mkfifo(folder / "pipe")
    with pytest.raises(IntegrityError, match="pipe"):
        take_in(folder, NAMES | {"pipe"})


def test_a_file_that_was_not_announced_is_refused(folder: Path) -> None:
    with pytest.raises(IntegrityError, match="'deep/a' came"):
        take_in(folder, {"b"})


def test_parts_of_an_interrupted_transfer_go(folder: Path) -> None:
    (folder / "deep" / PARTIAL_DIR).mkdir()
    (folder / "deep" / PARTIAL_DIR / "a").write_text("o")
    take_in(folder, NAMES)
    assert not (folder / "deep" / PARTIAL_DIR).exists()


def test_before_another_try_what_was_added_goes_and_parts_stay(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "aim").write_text("mine")
    (folder / "manifest.json").symlink_to(tmp_path / "aim")
    (folder / PARTIAL_DIR).mkdir()
    (folder / PARTIAL_DIR / "b").write_text("t")
    (folder / PARTIAL_DIR / "part").write_text("t")
    clear_others(folder, NAMES)
    assert sorted(path.name for path in folder.iterdir()) == [PARTIAL_DIR, "b", "deep"]
    assert len(list((folder / PARTIAL_DIR).iterdir())) == 2 and (tmp_path / "aim").read_text() == "mine"


def announced(*names: str) -> list[FileDigest]:
    return [FileDigest(name, 1, "0") for name in names]


def test_names_that_can_all_be_there() -> None:
    assert check_names(announced("a/b", "a/c", "ab")) == ["a/b", "a/c", "ab"]


@pytest.mark.parametrize("names", [("a", "a/b"), ("x/a/b", "x/a"), ("a", "a")])
def test_names_that_cannot(names: tuple[str, ...]) -> None:
    with pytest.raises(IntegrityError, match="announced"):
        check_names(announced(*names))


def test_a_disk_is_not_filled_to_the_brim(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(1 << 40, 0, 1 << 30))
    check_room(tmp_path, 700 << 20)
    with pytest.raises(OSError, match=r"no room for 900,000,000 bytes") as caught:
        check_room(tmp_path, 900_000_000)
    assert caught.value.errno in FULL_DISK
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(1 << 40, 0, 0))
    check_room(tmp_path, LARGE_BYTES - 1)
