"""JSON objects in files, of ours and of the user's."""

from __future__ import annotations

from pathlib import Path

import pytest

from trainers.common.errors import BadInput
from trainers.common.json_files import read_flag_json, read_json_file


@pytest.mark.parametrize(
    ("text", "complaint"), [("{", "not JSON"), ("[]", "must be a JSON object"), (None, "missing")]
)
def test_what_is_no_json_object_is_refused(tmp_path: Path, text: str | None, complaint: str) -> None:
    path = tmp_path / "model.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(BadInput, match=f"model.json: .*{complaint}"):
        read_json_file(path)


def test_a_json_object_is_read(tmp_path: Path) -> None:
    (tmp_path / "model.json").write_text('{"a": [1, "ä"]}', encoding="utf-8")
    assert read_json_file(tmp_path / "model.json") == {"a": [1, "ä"]}


def test_a_file_that_is_no_object_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "schema.json"
    path.write_text('{"targets": "y"}')
    assert read_flag_json("--schema", path) == {"targets": "y"}
    for text in ("[]", "{"):
        path.write_text(text)
        with pytest.raises(BadInput, match=r"schema\.json"):
            read_flag_json("--schema", path)
