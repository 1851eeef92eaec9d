"""What another machine has on the same disk is taken from there, checked; or it is said why not."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path

import pytest

from tests.unit.worker_agent.protocol.test_digests import write
from worker_agent.cache import leases
from worker_agent.cache.artefacts import Cache
from worker_agent.cache.borrowing import NOWHERE, borrow
from worker_agent.protocol.artefacts.fetching import Source
from worker_agent.protocol.layout import WorkLayout


def cache_of(base: Path, host: str) -> Cache:
    layout = WorkLayout(base / host / "work")
    layout.work_dir.mkdir(parents=True, exist_ok=True)
    return Cache(layout, "r1")


@pytest.fixture
def giver(tmp_path: Path) -> Cache:
    return cache_of(tmp_path, "lab1")


@pytest.fixture
def taker(tmp_path: Path) -> Cache:
    return cache_of(tmp_path, "lab2")


def made(cache: Cache, *files: str) -> str:
    return cache.adopt(write(cache.layout.work_dir / "made", *(files or ("best.pt",))))[0]


def test_files_get_a_further_name_and_are_not_copied(tmp_path: Path, giver: Cache, taker: Cache) -> None:
    name = made(giver, "best.pt", "deep/er/more.bin")
    assert borrow(taker, tmp_path, name) == (Source.DISK, None)
    assert taker.status(name) == giver.status(name) == "present"
    for path in ("best.pt", "deep/er/more.bin"):
        ours, theirs = taker.path(name) / path, giver.path(name) / path
        assert ours.stat().st_ino == theirs.stat().st_ino and not ours.stat().st_mode & 0o222
    assert borrow(taker, tmp_path, name) == (Source.HERE, None)


def test_where_there_can_be_no_link_the_bytes_are_copied(
    tmp_path: Path, giver: Cache, taker: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = made(giver)
    (giver.path(name) / "best.pt").chmod(0o555)

    def refuse(source: str, target: str, **how: object) -> None:
        raise OSError(errno.EXDEV, "Invalid cross-device link")

    monkeypatch.setattr(os, "link", refuse)
    assert borrow(taker, tmp_path, name) == (Source.DISK, None)
    copy = taker.path(name) / "best.pt"
    assert copy.read_text() == "best.pt" and copy.stat().st_nlink == 1
    assert copy.stat().st_mode & 0o777 == 0o500


def test_what_was_written_to_here_is_copied_from_then_on(tmp_path: Path, giver: Cache, taker: Cache) -> None:
    name = made(giver)
    assert borrow(taker, tmp_path, name) == (Source.DISK, None)
    (giver.path(name) / "best.pt").chmod(0o600)
    (giver.path(name) / "best.pt").write_text("written to there, and so here")
    assert taker.rotten([name], every_s=0.0)
    assert giver.verify_cached(name)
    made(giver)
    assert borrow(taker, tmp_path, name) == (Source.DISK, None)
    assert (taker.path(name) / "best.pt").stat().st_nlink == 1


def test_a_file_that_is_not_ours_is_copied(
    tmp_path: Path, giver: Cache, taker: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, link = made(giver), os.link

    def link_anothers(source: str, target: str, **how: bool) -> None:
        link(source, target, **how)
        monkeypatch.setattr(os, "getuid", lambda: -1)

    monkeypatch.setattr(os, "link", link_anothers)
    assert borrow(taker, tmp_path, name) == (Source.DISK, None)
    assert (taker.path(name) / "best.pt").stat().st_nlink == 1


def test_a_home_that_was_copied_with_its_id_has_nothing_to_take(tmp_path: Path, taker: Cache) -> None:
    assert borrow(taker, tmp_path, "a" * 64) == (Source.DISK, NOWHERE)


def test_what_is_rotten_there_does_not_come_and_another_has_it(
    tmp_path: Path, giver: Cache, taker: Cache
) -> None:
    name, third = made(giver), cache_of(tmp_path, "lab3")
    made(third)
    rotten = giver.path(name) / "best.pt"
    rotten.chmod(0o600)
    rotten.write_text("worst")
    assert borrow(taker, tmp_path, name) == (Source.DISK, None)
    assert (taker.path(name) / "best.pt").read_text() == "best.pt"
    third.contents.evict(name)
    taker.contents.evict(name)
    source, problem = borrow(taker, tmp_path, name)
    assert source is Source.DISK and problem and "instead of" in problem
    assert taker.status(name) == "missing" and rotten.read_text() == "worst"


def test_what_is_no_file_is_left_where_it_is(tmp_path: Path, giver: Cache, taker: Cache) -> None:
    name = made(giver)
    giver.path(name).chmod(0o700)
    os.mkfifo(giver.path(name) / "pipe")
    _, problem = borrow(taker, tmp_path, name)
    assert problem and problem.endswith("pipe is no file")
    assert not taker.layout.incoming("r1", name).exists()


def test_links_below_an_artefact_lead_to_the_same_there(tmp_path: Path, giver: Cache, taker: Cache) -> None:
    folder = write(giver.layout.work_dir / "made", "blobs/1", "snapshots/new/keep")
    (folder / "snapshots" / "new" / "best.pt").symlink_to("../../blobs/1")
    (folder / "latest").symlink_to("snapshots/new")
    name, _ = giver.adopt(folder)
    assert borrow(taker, tmp_path, name) == (Source.DISK, None)
    there = taker.path(name)
    assert (there / "latest" / "best.pt").read_text() == "blobs/1" and (there / "latest").is_symlink()
    assert (there / "latest" / "best.pt").resolve() == (there / "blobs" / "1").resolve()


@pytest.mark.parametrize("leads_to", ["/etc/passwd", "../../outside", "a/../../b", ".."])
def test_links_out_of_an_artefact_are_not_taken(
    leads_to: str, tmp_path: Path, giver: Cache, taker: Cache
) -> None:
    name = made(giver)
    giver.path(name).chmod(0o700)
    (giver.path(name) / "odd").symlink_to(leads_to)
    _, problem = borrow(taker, tmp_path, name)
    assert problem and problem.endswith("odd is no file") and taker.status(name) == "missing"


def test_nothing_is_taken_while_somebody_removes_things_there(
    tmp_path: Path, giver: Cache, taker: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases, "_PATIENCE_S", 0.0)
    name = made(giver)
    with leases.alone(giver.layout) as is_alone:
        assert is_alone
        _, problem = borrow(taker, tmp_path, name)
    assert problem == f"something is being removed from {giver.layout.cache}"
    assert borrow(taker, tmp_path, name) == (Source.DISK, None)


def test_where_nothing_can_be_locked_nothing_is_removed_and_all_can_be_taken(
    tmp_path: Path, giver: Cache, taker: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(descriptor: int, kind: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    name = made(giver)
    monkeypatch.setattr(leases.fcntl, "flock", refuse)
    assert borrow(taker, tmp_path, name) == (Source.DISK, None)


def test_nobody_removes_what_is_being_taken(
    tmp_path: Path, giver: Cache, taker: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, link, looked = made(giver), os.link, list[bool]()

    def look(source: str, target: str, **how: bool) -> None:
        with leases.alone(giver.layout) as is_alone:
            looked.append(is_alone)
        link(source, target, **how)

    monkeypatch.setattr(os, "link", look)
    assert borrow(taker, tmp_path, name) == (Source.DISK, None)
    assert looked == [False]


def test_what_goes_there_stays_here(tmp_path: Path, giver: Cache, taker: Cache) -> None:
    name = made(giver)
    borrow(taker, tmp_path, name)
    giver.contents.evict(name)
    assert taker.verify_cached(name) is None and taker.status(name) == "present"


def test_what_is_written_to_there_does_not_change_here(tmp_path: Path, giver: Cache, taker: Cache) -> None:
    name = made(giver, "best.pt", "deep/more.bin")
    borrow(taker, tmp_path, name)
    giver.take(name, tmp_path / "taken")
    with (tmp_path / "taken" / "deep" / "more.bin").open("a") as stream:
        stream.write("!")
    (tmp_path / "taken" / "best.pt").write_text("other")
    assert taker.status(name) == "present" and taker.verify_cached(name) is None
    assert sorted(path.name for path in (tmp_path / "taken").rglob("*")) == ["best.pt", "deep", "more.bin"]


def test_what_is_to_be_written_to_is_there_with_files_of_its_own_or_not_at_all(
    tmp_path: Path, giver: Cache, taker: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = made(giver)
    borrow(taker, tmp_path, name)

    def fail(source: str, target: str) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as full:
        full.setattr(shutil, "copy2", fail)
        with pytest.raises(OSError, match="No space"):
            giver.take(name, tmp_path / "taken")
    assert not (tmp_path / "taken").exists() and giver.status(name) == "missing"
    assert len(giver.contents.left_over()) == 1, "which the next start deletes"


def test_what_is_here_and_in_doubt_is_hashed_first(tmp_path: Path, taker: Cache) -> None:
    name = made(taker)
    taker.path(name).with_name(f"{name}.stat.json").unlink()
    assert borrow(taker, tmp_path, name) == (Source.HERE, None)
    assert taker.status(name) == "present"
