"""Blocks in the middle of a file go back to the disk, where that can be."""

from __future__ import annotations

from pathlib import Path

import pytest

from worker_agent.system import punch_hole as module
from worker_agent.system.punch_hole import punch_hole


def test_without_the_c_function_nothing_is_freed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(module, "_fallocate", lambda: None)
    path = tmp_path / "log"
    path.write_bytes(b"x" * 10)
    with path.open("r+b") as stream:
        assert not punch_hole(stream.fileno(), 0, 10)
    assert path.read_bytes() == b"x" * 10


@pytest.mark.parametrize(("answer", "freed"), [(0, True), (-1, False)])
def test_the_kernel_is_asked_to_keep_the_size(
    monkeypatch: pytest.MonkeyPatch, answer: int, freed: bool
) -> None:
    asked: list[tuple[int, ...]] = []
    monkeypatch.setattr(module, "_fallocate", lambda: lambda *words: (asked.append(words), answer)[1])
    assert punch_hole(7, 4096, 12288) is freed
    assert asked == [(7, 3, 4096, 8192)]
