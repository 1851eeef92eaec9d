"""Lines out of a byte stream, however it is cut and whatever comes first."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker_agent.protocol import lines
from worker_agent.protocol.codec import MessageError
from worker_agent.protocol.lines import LONGER, PREAMBLE, LineBuffer, is_burst

CONTENT = st.binary(max_size=20).map(lambda text: text.replace(b"\n", b"."))


def fed(buffer: LineBuffer, stream: bytes, cuts: list[int]) -> list[bytes]:
    """Return the lines of a stream that comes in pieces."""
    ends = sorted(cut % (len(stream) + 1) for cut in cuts)
    pieces = (stream[start:end] for start, end in zip([0, *ends], [*ends, len(stream)], strict=True))
    return [line for piece in pieces for line in buffer.feed(piece)]


@given(st.lists(CONTENT, max_size=5), CONTENT, st.lists(st.integers(0, 200), max_size=6))
def test_lines_come_whole_however_the_stream_is_cut(whole: list[bytes], rest: bytes, cuts: list[int]) -> None:
    stream = b"".join(line + b"\n" for line in whole)
    assert fed(LineBuffer(), stream + rest, cuts) == whole


@given(st.binary(max_size=40), st.lists(CONTENT, max_size=3), st.lists(st.integers(0, 200), max_size=6))
def test_what_comes_before_the_preamble_is_noise(noise: bytes, whole: list[bytes], cuts: list[int]) -> None:
    stream = noise.replace(b"\0", b"") + PREAMBLE + b"".join(line + b"\n" for line in whole)
    assert fed(LineBuffer(PREAMBLE), stream, cuts) == whole


def test_without_the_preamble_there_is_nothing() -> None:
    assert list(LineBuffer(PREAMBLE).feed(b"welcome\n" * 100)) == []


def test_what_came_of_a_long_line_is_not_looked_at_again() -> None:
    buffer, piece = LineBuffer(), memoryview(bytes(1 << 16)).tobytes()
    assert [line for _ in range(800) for line in buffer.feed(piece)] == []
    (line,) = buffer.feed(b"\n")
    assert len(line) == 800 << 16 and list(buffer.feed(b"x\n")) == [b"x"]


def test_a_line_without_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "MAX_LINE_BYTES", 10)
    buffer = LineBuffer()
    assert list(buffer.feed(b"1234567890")) == []
    with pytest.raises(MessageError, match="more than 10 bytes"):
        list(buffer.feed(b"1"))


def test_a_burst_begins_with_many_things_and_ends_with_few() -> None:
    seen, was = [], False
    for count in (1, 2, 3, 12, 6, 5, 2):
        was = is_burst(count, was)
        seen.append(was)
    assert seen == [False, False, True, True, True, False, False]


def test_a_flow_that_begins_a_burst_goes_on_with_it() -> None:
    assert all(
        is_burst(LONGER * count, was_burst=True) for count in range(20) if is_burst(count, was_burst=False)
    )
