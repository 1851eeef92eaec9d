"""Directories that nobody else can have put something into."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from worker_agent.protocol import private_directory
from worker_agent.protocol.private_directory import (
    UnsafePlaceError,
    close_directory,
    is_anothers,
    make_private,
)


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_what_is_made_is_ours_alone(tmp_path: Path) -> None:
    make_private(tmp_path / "a" / "b")
    assert mode_of(tmp_path / "a" / "b") == 0o700


def test_what_is_there_is_closed_and_what_is_above_stays(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"
    folder.mkdir(parents=True)
    folder.chmod(0o2775)
    (tmp_path / "a").chmod(0o775)
    make_private(folder)
    assert (mode_of(folder), mode_of(tmp_path / "a")) == (0o700, 0o775)


def test_a_link_of_ours_leads_where_it_should(tmp_path: Path) -> None:
    (tmp_path / "big disk").mkdir(mode=0o755)
    (tmp_path / "link").symlink_to(tmp_path / "big disk")
    make_private(tmp_path / "link")
    assert mode_of(tmp_path / "big disk") == 0o700 and (tmp_path / "link").is_symlink()


def test_below_a_directory_for_everybody_only_with_the_sticky_bit(tmp_path: Path) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    scratch.chmod(0o1777)
    make_private(scratch / "mine")
    scratch.chmod(0o777)
    with pytest.raises(UnsafePlaceError, match=r"everybody can rename what is in .*scratch: .*chmod \+t"):
        make_private(scratch / "mine")
    with pytest.raises(UnsafePlaceError, match="scratch"):
        make_private(scratch / "deep" / "down")


def test_no_way_there_leads_through_what_others_can_change(tmp_path: Path) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    scratch.chmod(0o777)
    (tmp_path / "home").mkdir()
    (scratch / "alice").symlink_to(tmp_path / "home")
    with pytest.raises(UnsafePlaceError, match=r"everybody can rename what is in .*scratch"):
        make_private(scratch / "alice" / "lab1")
    close_directory(scratch / "alice" / "lab1")
    scratch.chmod(0o1777)
    make_private(scratch / "alice" / "lab1")
    if os.getuid() == 0:
        os.lchown(scratch / "alice", 61_001, 61_001)
        with pytest.raises(UnsafePlaceError, match="alice is a link of another user"):
            make_private(scratch / "alice" / "lab1")


def test_what_belongs_to_another_user_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not is_anothers(tmp_path) and not is_anothers(tmp_path / "nothing")
    mine = os.getuid()
    monkeypatch.setattr(private_directory, "_has_one_owner", lambda directory: False)
    monkeypatch.setattr(private_directory.os, "getuid", lambda: mine + 1)
    with pytest.raises(UnsafePlaceError, match="belongs to another user") as caught:
        make_private(tmp_path)
    assert caught.value.strerror == str(caught.value)
    assert is_anothers(tmp_path)


def test_where_all_belongs_to_one_owner_it_is_as_good_as_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = os.getuid()
    monkeypatch.setattr(private_directory.os, "getuid", lambda: mine + 1)
    tmp_path.chmod(0o755)
    close_directory(tmp_path)
    assert mode_of(tmp_path) == 0o700
