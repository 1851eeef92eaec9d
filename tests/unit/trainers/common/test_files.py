"""Files appear whole or not at all."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
import torch

from trainers.common.errors import BadInput
from trainers.common.files import read_tensors, write_bytes, write_json, write_tensors
from trainers.common.resume import as_json


def test_a_file_takes_the_place_of_the_old_one_and_leaves_nothing_beside(tmp_path: Path) -> None:
    path = tmp_path / "new" / "metrics.json"
    for content in (b"first", b"second"):
        write_bytes(path, content)
    assert path.read_bytes() == b"second"
    assert [entry.name for entry in path.parent.iterdir()] == ["metrics.json"]
    assert path.stat().st_mode & 0o077 == (tmp_path.parent / path).stat().st_mode & 0o077


def test_what_a_killed_attempt_left_is_replaced(tmp_path: Path) -> None:
    (tmp_path / ".state.pt.tmp").write_bytes(b"half")
    write_bytes(tmp_path / "state.pt", b"whole")
    assert [entry.name for entry in tmp_path.iterdir()] == ["state.pt"]


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(BadInput, match=r"file/metrics\.json: cannot write: "):
        write_bytes(tmp_path / "file" / "metrics.json", b"{}")


@pytest.mark.parametrize("version", ["2.5.1+cu121", "1.13.0"])
def test_a_torch_that_can_be_tricked_opens_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str
) -> None:
    write_tensors(tmp_path / "state.pt", {"x": torch.ones(1)})
    assert read_tensors(tmp_path / "state.pt")["x"] == 1
    monkeypatch.setattr(torch, "__version__", version)
    with pytest.raises(BadInput, match=r"may run code that is hidden in .*state\.pt.*torch>=2\.6"):
        read_tensors(tmp_path / "state.pt")


def test_json_holds_what_json_cannot(tmp_path: Path) -> None:
    values = {"auc": math.nan, "range": (0.9, math.inf), "path": Path("data/x"), "deep": {"n": [1, (2,)]}}
    write_json(tmp_path / "a.json", values)
    found = json.loads((tmp_path / "a.json").read_text())
    assert (
        found
        == as_json(values)
        == {
            **{"auc": None, "range": [0.9, None], "path": "data/x"},
            "deep": {"n": [1, [2]]},
        }
    )


def test_tensors_come_back_and_equal_ones_are_equal_bytes(tmp_path: Path) -> None:
    for name in ("a.pt", "b.pt"):
        write_tensors(tmp_path / name, {"w": torch.arange(3.0), "n": 1})
    found = read_tensors(tmp_path / "a.pt")
    assert found["n"] == 1 and torch.equal(found["w"], torch.arange(3.0))
    assert (tmp_path / "a.pt").read_bytes() == (tmp_path / "b.pt").read_bytes()


def test_what_is_no_saved_dict_is_refused(tmp_path: Path) -> None:
    torch.save([1], tmp_path / "list.pt")
    (tmp_path / "torn.pt").write_bytes(b"PK\x03\x04")
    for name, problem in (("list.pt", "holds list, a dict is needed"), ("torn.pt", "cannot be read")):
        with pytest.raises(ValueError, match=problem):
            read_tensors(tmp_path / name)
    with pytest.raises(FileNotFoundError):
        read_tensors(tmp_path / "none.pt")
