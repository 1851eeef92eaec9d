"""The id of a disk, and whose caches lie on it."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from tests.unit.worker_agent.protocol.test_digests import write
from worker_agent.cache import disk
from worker_agent.cache.disk import base_of, beside, disk_id
from worker_agent.protocol.layout import WorkLayout


def test_whoever_looks_reads_the_same_id_and_two_disks_have_two(tmp_path: Path) -> None:
    first, other = tmp_path / "a", tmp_path / "b"
    first.mkdir()
    other.mkdir()
    found = disk_id(first)
    assert len(found) == 32 and disk_id(first) == found != disk_id(other)
    (made,) = first.iterdir()
    assert made.name == ".twophase-disk" and made.stat().st_mode & 0o777 == 0o600


def test_who_makes_it_second_takes_what_the_first_has_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = os.link

    def too_late(source: str, target: str) -> None:
        (tmp_path / ".twophase-disk").write_text("f" * 32)
        link(source, target)

    monkeypatch.setattr(os, "link", too_late)
    assert disk_id(tmp_path) == "f" * 32
    assert [path.name for path in tmp_path.iterdir()] == [".twophase-disk"]


def test_it_is_whole_on_the_disk_before_it_has_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    link, fsync, done = os.link, os.fsync, list[int]()

    def look(descriptor: int) -> None:
        fsync(descriptor)
        done.append(os.fstat(descriptor).st_size)

    def check(source: str, target: str) -> None:
        assert done == [32]
        link(source, target)

    monkeypatch.setattr(os, "fsync", look)
    monkeypatch.setattr(os, "link", check)
    assert len(disk_id(tmp_path)) == 32


def test_a_file_system_without_links_has_an_id_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(source: str, target: str) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    assert len(disk_id(tmp_path)) == 32 and disk_id(tmp_path) == disk_id(tmp_path)


@pytest.mark.parametrize("text", ["", "x" * 32, "f" * 31, "f" * 33, "F" * 32, "f" * 32 + "\n"])
def test_what_is_no_id_is_none_and_stays(tmp_path: Path, text: str) -> None:
    (tmp_path / ".twophase-disk").write_text(text)
    assert disk_id(tmp_path) == "" and (tmp_path / ".twophase-disk").read_text() == text


def test_what_others_may_have_left_in_its_place_is_not_believed(tmp_path: Path) -> None:
    place = tmp_path / ".twophase-disk"
    (tmp_path / "real").write_text("f" * 32)
    place.symlink_to(tmp_path / "real")
    assert disk_id(tmp_path) == ""
    place.unlink()
    os.mkfifo(place)
    assert disk_id(tmp_path) == ""
    place.unlink()
    place.write_text("f" * 32)
    place.chmod(0o666)
    assert disk_id(tmp_path) == ""


def test_beside_the_file_of_another_user_ours_has_our_number(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".twophase-disk").write_text("f" * 32)
    monkeypatch.setattr(disk, "is_anothers", lambda path: True)
    found = disk_id(tmp_path)
    assert found not in ("", "f" * 32) and disk_id(tmp_path) == found
    assert (tmp_path / f".twophase-disk-{os.getuid()}").read_text() == found


def test_where_nothing_can_be_written_there_is_none(tmp_path: Path) -> None:
    assert disk_id(tmp_path / "nowhere") == ""


def test_the_machines_of_a_disk_are_side_by_side(tmp_path: Path) -> None:
    assert base_of(tmp_path / "host" / "work", is_default=True) == tmp_path
    assert base_of(tmp_path / "host", is_default=False) == tmp_path
    assert base_of(tmp_path / "host", is_default=True) == tmp_path, "big files have stayed where they were"


def test_the_caches_beside_are_those_of_all_layouts_but_our_own(tmp_path: Path) -> None:
    name = "a" * 64
    default, told = WorkLayout(tmp_path / "lab1" / "work"), WorkLayout(tmp_path / "lab2")
    own, without = WorkLayout(tmp_path / "lab3" / "work"), WorkLayout(tmp_path / "lab4" / "work")
    for layout in (default, told, own):
        write(layout.cached(name), "x")
    write(without.cached("b" * 64), "x")
    assert list(beside(tmp_path, own, name)) == [default, told]
    assert list(beside(tmp_path / "nowhere", own, name)) == []


def test_what_others_can_write_to_or_have_linked_is_passed_over(tmp_path: Path) -> None:
    name, own = "a" * 64, WorkLayout(tmp_path / "lab3" / "work")
    loose, linked = WorkLayout(tmp_path / "lab1"), WorkLayout(tmp_path / "lab2")
    write(loose.cached(name), "x")
    loose.work_dir.chmod(0o777)
    linked.cache.mkdir(parents=True)
    linked.cached(name).symlink_to(loose.cached(name))
    assert list(beside(tmp_path, own, name)) == []
    loose.work_dir.chmod(0o700)
    (tmp_path / "lab0").symlink_to(tmp_path / "lab1")
    assert list(beside(tmp_path, own, name)) == [loose]
