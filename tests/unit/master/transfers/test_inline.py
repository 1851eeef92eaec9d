"""Small files that come with a message."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from master.errors import IntegrityError
from master.transfers.inline import write_inline


def test_files_are_written_in_place_of_what_was_there(tmp_path: Path) -> None:
    staged = tmp_path / "staged"
    (staged / "old").mkdir(parents=True)
    write_inline(staged, {"a/b.txt": base64.b64encode(b"one").decode(), "empty": ""})
    assert {path.relative_to(staged).as_posix() for path in staged.rglob("*")} == {"a", "a/b.txt", "empty"}
    assert (staged / "a" / "b.txt").read_bytes() == b"one"


@pytest.mark.parametrize("text", ["!", "abc", "YQ==\n", "ä"])
def test_what_came_garbled_is_named(tmp_path: Path, text: str) -> None:
    with pytest.raises(IntegrityError, match=r"a\.txt came garbled: "):
        write_inline(tmp_path / "staged", {"a.txt": text})
