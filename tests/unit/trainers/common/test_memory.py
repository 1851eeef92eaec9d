"""The end of memory is told from other errors."""

from __future__ import annotations

import errno

import pytest

from trainers.common.memory import OutOfMemoryError, available_bytes, is_out_of_memory, memory_advice


def test_only_allocation_failures_are_out_of_memory() -> None:
    assert is_out_of_memory(MemoryError())
    assert is_out_of_memory(OSError(errno.ENOMEM, "no memory"))
    assert not is_out_of_memory(OSError(errno.ENOENT, "no file"))
    assert not is_out_of_memory(RuntimeError("another error"))
    assert available_bytes() > 0


def test_advice_comes_with_the_error() -> None:
    message = r"out of memory while loading .*: buy more"
    with pytest.raises(OutOfMemoryError, match=message), memory_advice("loading", "buy more"):
        raise MemoryError("cannot allocate memory")
    with pytest.raises(KeyError), memory_advice("loading", "buy more"):
        raise KeyError("other")
