"""An artefact as a stream of pieces."""

from __future__ import annotations

import hashlib

import pytest

from worker_agent.peers import stream
from worker_agent.peers.stream import Part, Stream
from worker_agent.protocol.artefacts.peering import Chunks, StreamedFile

DIGESTS = [hashlib.sha256(text).hexdigest() for text in (b"aaabbbbb", b"bbbbbbbb", b"c")]


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "CHUNK_BYTES", 8)


def files(**sizes: int) -> list[StreamedFile]:
    return [StreamedFile(path, size, executable=False) for path, size in sizes.items()]


FILES = files(e=0, a=3, f=0, b=13, g=0, c=1, h=0)


def test_pieces_are_of_files_as_these_follow() -> None:
    made = Stream(Chunks(FILES, DIGESTS))
    _, a, _, b, _, c, _ = FILES
    assert [list(made.parts(number)) for number in range(len(made))] == [
        [Part(a, 0, 3), Part(b, 0, 5)],
        [Part(b, 5, 8)],
        [Part(c, 0, 1)],
    ]
    assert [made.size(number) for number in range(3)] == [8, 8, 1] and made.begin(3) == 17


def test_a_piece_is_what_the_master_says() -> None:
    made = Stream(Chunks(FILES, DIGESTS))
    assert made.is_piece(2, b"c") and not made.is_piece(2, b"d") and not made.is_piece(0, b"c")


@pytest.mark.parametrize(("offset", "number"), [(0, 0), (8, 1), (16, 2), (17, 3)])
def test_pieces_are_asked_for_by_their_place(offset: int, number: int) -> None:
    assert Stream(Chunks(FILES, DIGESTS)).piece_at(offset) == number


@pytest.mark.parametrize("offset", [-8, 1, 7, 9, 18, 24, 2**64 - 1])
def test_at_no_other_place_a_piece_begins(offset: int) -> None:
    with pytest.raises(ValueError, match="no piece begins"):
        Stream(Chunks(FILES, DIGESTS)).piece_at(offset)


@pytest.mark.parametrize(
    ("chunks", "problem"),
    [
        (Chunks(files(a=3, b=13), DIGESTS), "3 digests"),
        (Chunks(FILES, DIGESTS[:2]), "2 digests"),
        (Chunks(FILES, [*DIGESTS[:2], "x" * 64]), "hex"),
        (Chunks(FILES, [*DIGESTS[:2], DIGESTS[2] + "\n"]), "hex"),
        (Chunks(files(a=8) * 2, DIGESTS[:2]), "one name"),
    ],
)
def test_what_cannot_be_is_refused(chunks: Chunks, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        Stream(chunks)


def test_a_stream_may_hold_nothing() -> None:
    assert len(Stream(Chunks(files(a=0), []))) == 0
