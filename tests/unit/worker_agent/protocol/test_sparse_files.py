"""Copies have the holes of their originals."""

from __future__ import annotations

from pathlib import Path

import pytest

from worker_agent.protocol.sparse_files import copy_file

PARTS: list[list[tuple[int, bytes]]] = [
    [],
    [(0, b"all")],
    [(64 << 20, b"end")],
    [(0, b"start"), (32 << 20, b"middle" * 1000), (64 << 20, b"")],
]


@pytest.mark.parametrize("parts", PARTS)
def test_a_copy_has_the_holes_of_its_original(tmp_path: Path, parts: list[tuple[int, bytes]]) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    with source.open("wb") as stream:
        for start, data in parts:
            stream.seek(start)
            stream.write(data)
            stream.truncate()
    source.chmod(0o640)
    copy_file(str(source), str(target))
    assert target.read_bytes() == source.read_bytes()
    assert target.stat().st_blocks <= source.stat().st_blocks
    assert (target.stat().st_mode, target.stat().st_mtime_ns) == (
        source.stat().st_mode,
        source.stat().st_mtime_ns,
    )


def test_nothing_is_written_over(tmp_path: Path) -> None:
    (tmp_path / "source").write_text("new")
    (tmp_path / "target").write_text("old")
    with pytest.raises(FileExistsError):
        copy_file(str(tmp_path / "source"), str(tmp_path / "target"))
    assert (tmp_path / "target").read_text() == "old"
