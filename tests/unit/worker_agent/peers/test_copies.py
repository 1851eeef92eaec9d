"""Pieces on the disk: read wherever they lie, written where they belong."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from master.adapters.peers import chunking
from master.adapters.peers.chunking import chunks_of
from worker_agent.peers import stream
from worker_agent.peers.copies import Copy, Incoming, first_of
from worker_agent.peers.stream import Stream

PIECES = [b"abcdefgh", b"ijklmnop", b"q"]


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (stream, chunking):
        monkeypatch.setattr(module, "CHUNK_BYTES", 8)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    (folder / "sub").mkdir(parents=True)
    (folder / "a").write_bytes(b"abc")
    (folder / "b").write_bytes(b"")
    (folder / "sub" / "c").write_bytes(b"defghijklmnopq")
    (folder / "sub" / "c").chmod(0o755)
    return folder


@pytest.fixture
def made(source: Path) -> Stream:
    chunks = chunks_of(source)
    assert chunks
    return Stream(chunks)


@pytest.fixture
def incoming(tmp_path: Path, made: Stream) -> Incoming:
    return Incoming(tmp_path / "incoming", made)


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_pieces_are_read_over_the_ends_of_files(source: Path, made: Stream) -> None:
    assert [Copy(source, made).read(number) for number in range(3)] == PIECES


def test_pieces_make_the_files_anew_for_the_user_alone(incoming: Incoming, source: Path) -> None:
    incoming.prepare()
    for number, piece in enumerate(PIECES):
        assert list(incoming.held()) == list(range(number))
        incoming.write(number, piece)
    incoming.tidy()
    assert list(incoming.held()) == [0, 1, 2] and files(incoming.root) == files(source)
    modes = {name: (incoming.root / name).stat().st_mode & 0o777 for name in ("a", "sub/c")}
    assert modes == {"a": 0o600, "sub/c": 0o700} and incoming.root.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("name", [".c.Ab3_9z", ".rsync-partial/c"])
def test_what_rsync_is_writing_is_read_as_far_as_it_is_there(
    incoming: Incoming, made: Stream, source: Path, name: str
) -> None:
    other = incoming.root / "sub" / name
    other.parent.mkdir(parents=True)
    (incoming.root / "a").write_bytes(b"abc")
    other.write_bytes(b"defghijklm")
    copy = Copy(incoming.root, made)
    assert copy.read(0) is None
    assert [copy.read(number, under_way=True) for number in range(3)] == [PIECES[0], None, None]
    incoming.prepare()
    assert list(incoming.held()) == [0] and (incoming.root / "sub" / "c").read_bytes() == b"defgh"
    incoming.tidy()
    assert files(incoming.root) == {"a": b"abc", "b": b"", "sub/c": b"defgh"}


def test_what_is_wrong_is_not_read(source: Path, made: Stream) -> None:
    (source / "sub" / "c").write_bytes(b"dXfghijklmnopq")
    assert [Copy(source, made).read(number) for number in range(3)] == [None, PIECES[1], PIECES[2]]


def test_the_first_that_has_a_piece_gives_it(source: Path, made: Stream, tmp_path: Path) -> None:
    copies = [Copy(tmp_path / "nowhere", made), Copy(source, made)]
    assert first_of(copies, 1) == PIECES[1] and first_of(copies[:1], 1) is None


def test_what_is_no_file_of_ours_is_neither_read_nor_written_through(
    incoming: Incoming, source: Path, made: Stream, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_bytes(b"abc")
    (incoming.root / "sub").mkdir(parents=True)
    (incoming.root / "a").symlink_to(elsewhere)
    (incoming.root / "b").hardlink_to(elsewhere)
    os.mkfifo(incoming.root / "sub" / "c")
    (incoming.root / "to").symlink_to(source)
    assert Copy(incoming.root, made).read(0, under_way=True) is None
    incoming.prepare()
    for number, piece in enumerate(PIECES):
        incoming.write(number, piece)
    incoming.tidy()
    assert files(incoming.root) == files(source) and elsewhere.read_bytes() == b"abc"
    assert not (incoming.root / "to").is_symlink() and (source / "a").exists()


def test_what_is_longer_than_it_should_be_is_cut(incoming: Incoming) -> None:
    incoming.root.mkdir()
    (incoming.root / "a").write_bytes(b"abcd")
    incoming.prepare()
    assert (incoming.root / "a").read_bytes() == b"abc"


def test_the_lengths_of_files_tell_how_much_was_written(incoming: Incoming) -> None:
    incoming.prepare()
    assert [incoming.reaches(number) for number in range(4)] == [True, False, False, False]
    incoming.write(0, PIECES[0])
    assert [incoming.reaches(number) for number in range(4)] == [True, True, False, False]
    assert list(incoming.held(1)) == []
    (incoming.root / "a").unlink()
    incoming.prepare()
    assert not incoming.reaches(1)


def test_a_folder_in_the_place_of_a_file_is_told(incoming: Incoming) -> None:
    (incoming.root / "a").mkdir(parents=True)
    with pytest.raises(OSError, match="a"):
        incoming.prepare()
