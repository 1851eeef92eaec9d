"""What a session takes of a command's answer."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from master.adapters.session import MOST_ANSWER_BYTES, EndlessAnswer, bounded


def test_an_answer_comes_together() -> None:
    assert bounded([b"one", b"", b"two"]) == b"onetwo"


def test_no_more_is_read_than_is_taken() -> None:
    read = 0

    def endless() -> Iterator[bytes]:
        nonlocal read
        while True:
            read += 1 << 16
            yield bytes(1 << 16)

    with pytest.raises(EndlessAnswer):
        bounded(endless())
    assert read <= MOST_ANSWER_BYTES + (1 << 16)
