from __future__ import annotations

import zlib

from trainers.tabular.data.reading.stored import DENSEST


def test_no_packed_byte_stands_for_more() -> None:
    zeros = bytes(10**6)
    assert len(zeros) / len(zlib.compress(zeros, 9)) < DENSEST
