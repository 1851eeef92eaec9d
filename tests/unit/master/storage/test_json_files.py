from __future__ import annotations

from pathlib import Path

import pytest

from master.storage.json_files import read_json


def test_what_a_file_says_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"a": [1, null]}')
    assert read_json(tmp_path / "a.json") == {"a": [1, None]}


@pytest.mark.parametrize("content", [b"", b"\xff", b"[" * 100_000, b'{"a":' * 100_000, b"9" * 5000])
def test_anything_else_is_one_error(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(ValueError, match=r"."):
        read_json(tmp_path / "a.json")
    with pytest.raises(OSError, match=r"none\.json"):
        read_json(tmp_path / "none.json")
