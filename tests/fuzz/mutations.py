"""What is left of sound bytes after bits flipped, pieces went missing, moved, or came twice."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import strategies as st

_NUMBERS = tuple(
    number.to_bytes(size, order)
    for size in (1, 2, 4, 8)
    for number in (0, 1, 2 ** (8 * size - 1) - 1, 2 ** (8 * size - 1), 2 ** (8 * size) - 1)
    for order in ("little", "big")
)
"""The ends of what counts and offsets can be."""
Change = Callable[[st.DrawFn, bytearray], None]


def _flip(draw: st.DrawFn, content: bytearray) -> None:
    content[_place(draw, content)] ^= 1 << draw(st.integers(0, 7))


def _number(draw: st.DrawFn, content: bytearray) -> None:
    place, number = _place(draw, content), draw(st.sampled_from(_NUMBERS))
    content[place : place + len(number)] = number


def _cut(draw: st.DrawFn, content: bytearray) -> None:
    del content[_place(draw, content) :]


def _drop(draw: st.DrawFn, content: bytearray) -> None:
    place = _place(draw, content)
    del content[place : place + draw(st.integers(1, 64))]


def _twice(draw: st.DrawFn, content: bytearray) -> None:
    place, into = _place(draw, content), _place(draw, content)
    content[into:into] = content[place : place + draw(st.integers(1, 64))]


def _noise(draw: st.DrawFn, content: bytearray) -> None:
    place, noise = _place(draw, content), draw(st.binary(min_size=1, max_size=16))
    content[place : place + len(noise)] = noise


_CHANGES: tuple[Change, ...] = (_flip, _flip, _number, _number, _cut, _drop, _twice, _noise)


def _place(draw: st.DrawFn, content: bytearray) -> int:
    return draw(st.integers(0, max(0, len(content) - 1)))


class Content(bytes):
    """Bytes of a file, which a failing example does not print at length."""

    def __repr__(self) -> str:
        return f"Content({bytes(self[:60])!r} and {max(0, len(self) - 60)} more)"


@st.composite
def mutated(draw: st.DrawFn, whole: bytes, most: int = 6) -> bytes:
    """Return sound bytes after one to `most` changes."""
    content = bytearray(whole)
    for change in draw(st.lists(st.sampled_from(_CHANGES), min_size=1, max_size=most)):
        if content:
            change(draw, content)
    return Content(content)
