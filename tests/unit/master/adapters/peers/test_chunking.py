"""The digests of the pieces of an artefact."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from master.adapters.peers import chunking
from master.adapters.peers.chunking import Chunking, chunks_of
from worker_agent.protocol.artefacts.peering import Chunks, Serve, StreamedFile
from worker_agent.protocol.codec import dump
from worker_agent.protocol.lines import MAX_LINE_BYTES
from worker_agent.protocol.messages import encode


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chunking, "CHUNK_BYTES", 8)
    monkeypatch.setattr(chunking, "_BLOCK_BYTES", 5)


def made(top: Path, **files: bytes) -> Path:
    for name, content in files.items():
        path = top / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return top


def sha(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def test_pieces_go_on_over_the_ends_of_files(tmp_path: Path) -> None:
    found = chunks_of(made(tmp_path, a=b"abc", b=b"defghijklmnopqrstu"))
    assert found == Chunks(
        [StreamedFile("a", 3, executable=False), StreamedFile("b", 18, executable=False)],
        [sha(b"abcdefgh"), sha(b"ijklmnop"), sha(b"qrstu")],
    )


def test_a_stream_may_end_with_a_piece_and_hold_empty_files(tmp_path: Path) -> None:
    found = chunks_of(made(tmp_path, a=b"", b=b"12345678", c=b""))
    assert found and [item.size for item in found.files] == [0, 8, 0] and found.digests == [sha(b"12345678")]


def test_files_stand_as_rsync_sends_them(tmp_path: Path) -> None:
    found = chunks_of(made(tmp_path, b__z=b"1", b__c__x=b"2", zz=b"3", a__x=b"4", **{"b.d": b"5"}))
    assert found and [item.path for item in found.files] == ["b.d", "zz", "a/x", "b/z", "b/c/x"]


def test_a_program_stays_one(tmp_path: Path) -> None:
    (made(tmp_path, run=b"x") / "run").chmod(0o755)
    found = chunks_of(tmp_path)
    assert found and found.files == [StreamedFile("run", 1, executable=True)]


def test_the_manifest_of_a_base_model_stays(tmp_path: Path) -> None:
    top = made(tmp_path, **{"manifest.json": b"{}", "w__manifest.json": b"mine", "w__0": b"weights"})
    base = Chunking().of(top, "a" * 64, is_base_model=True)
    data = Chunking().of(top, "a" * 64, is_base_model=False)
    assert base and [item.path for item in base.files] == ["w/0", "w/manifest.json"]
    assert data and [item.path for item in data.files] == ["manifest.json", "w/0", "w/manifest.json"]


@pytest.mark.parametrize("kind", ["link", "folder", "nothing"])
def test_what_a_stream_cannot_carry_is_left_to_others(tmp_path: Path, kind: str) -> None:
    if kind != "nothing":
        made(tmp_path, a=b"1")
    if kind == "link":
        (tmp_path / "to").symlink_to("a")
    elif kind == "folder":
        (tmp_path / "empty").mkdir()
    assert chunks_of(tmp_path) is None


def test_what_would_make_too_long_a_message_is_left_to_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chunking, "_MOST_FILES", 2)
    assert chunks_of(made(tmp_path, a=b"1", b=b"2"))
    assert chunks_of(made(tmp_path, c=b"3")) is None


def test_the_longest_message_can_be_read() -> None:
    files = [StreamedFile(f"checkpoint/shard-{n:050}.safetensors", 1 << 33, False) for n in range(1000)]
    told = len(encode(Serve("a" * 64, 1, ["lab1"], Chunks(files, 25_600 * ["a" * 64]), 30.0)))
    assert told + chunking._MOST_FILES / len(files) * len(dump(files)) < MAX_LINE_BYTES


def test_an_artefact_is_hashed_once(tmp_path: Path) -> None:
    chunking_ = Chunking()
    first = chunking_.of(made(tmp_path, a=b"1"), "a" * 64, is_base_model=False)
    (tmp_path / "a").unlink()
    assert chunking_.of(tmp_path, "a" * 64, is_base_model=False) is first


def test_others_are_answered_while_one_is_hashed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chunking_, known = Chunking(), made(tmp_path / "a", a=b"1")
    first = chunking_.of(known, "a" * 64, is_base_model=False)

    def hashing(directory: Path, left_out: str) -> Chunks | None:
        assert not chunking_._lock.locked()
        return chunks_of(directory, left_out)

    monkeypatch.setattr(chunking, "chunks_of", hashing)
    assert chunking_.of(made(tmp_path / "b", b=b"2"), "b" * 64, is_base_model=False) != first
    assert chunking_.of(known, "a" * 64, is_base_model=False) is first


def test_not_all_are_remembered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chunking, "_MOST_KEPT", 2)
    chunking_, top = Chunking(), made(tmp_path, a=b"1")
    first, *_ = (chunking_.of(top, name, is_base_model=False) for name in "abc")
    assert chunking_.of(top, "a", is_base_model=False) is not first


def test_a_file_that_becomes_shorter_is_no_stream(tmp_path: Path) -> None:
    made(tmp_path, a=b"abc")
    with pytest.raises(OSError, match="shorter"):
        list(chunking._blocks(tmp_path, [StreamedFile("a", 4, executable=False)]))
