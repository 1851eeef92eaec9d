"""ROOT files: TTree and RNTuple give the same; where there is no such tree, what is there is told."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import uproot

from trainers.common.errors import BadInput
from trainers.tabular.data.reading import root
from trainers.tabular.data.reading.files import find_files

BRANCHES = {"IN_M_1": np.array([1.5, -2.0, 3.0], dtype="f4"), "n": np.array([1, 2, 3])}


def written(path: Path, kind: str, branches: dict[str, np.ndarray] = BRANCHES, name: str = "susy") -> Path:
    with uproot.recreate(path) as file:
        make = file.mktree if kind == "TTree" else file.mkrntuple
        make(name, branches)
    return path


@pytest.mark.parametrize("kind", ["TTree", "RNTuple"])
def test_both_kinds_are_read_alike(tmp_path: Path, kind: str) -> None:
    path = written(tmp_path / "a.root", kind)
    assert root.names(path) == ["IN_M_1", "n"]
    for tree in (None, "susy"):
        found = root.columns(path, ["n", "IN_M_1"], tree)
        assert found["n"].tolist() == [1, 2, 3] and found["IN_M_1"].tolist() == [1.5, -2, 3]
        assert found["n"].dtype == np.float64


@pytest.mark.parametrize("kind", ["TTree", "RNTuple"])
def test_chunks_are_put_together(tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    many = {"x": np.arange(1000.0)}
    path = written(tmp_path / "a.root", kind, many)
    monkeypatch.setattr(root, "CHUNK", "1 kB")
    assert root.columns(path, ["x"])["x"].tolist() == many["x"].tolist()


def test_many_files_by_a_pattern(tmp_path: Path) -> None:
    written(tmp_path / "s2.root", "RNTuple", {"x": np.array([2.0])})
    written(tmp_path / "s1.root", "TTree", {"x": np.array([1.0])})
    files = find_files([str(tmp_path / "s*.root")], "susy")
    assert files.names() == ["x"] and files.read(["x"])["x"].tolist() == [1, 2]


def test_another_tree_is_told_by_its_kind(tmp_path: Path) -> None:
    path = written(tmp_path / "a.root", "RNTuple", name="events")
    told = r"has no TTree or RNTuple 'susy'; there is events \(RNTuple\)"
    with pytest.raises(BadInput, match=told):
        root.names(path, "susy")


def test_a_file_without_tables_tells_what_there_is(tmp_path: Path) -> None:
    with uproot.recreate(tmp_path / "a.root") as file:
        file["mass"] = np.histogram(np.arange(5.0))
    with pytest.raises(BadInput, match=r"has no TTree or RNTuple; there is mass \(TH1D\)"):
        root.names(tmp_path / "a.root")


def test_one_of_two_tables_must_be_chosen(tmp_path: Path) -> None:
    with uproot.recreate(tmp_path / "a.root") as file:
        file.mktree("one", BRANCHES)
        file.mkrntuple("two", BRANCHES)
    with pytest.raises(BadInput, match=r"has 2 tables; there is one \(TTree\), two \(RNTuple\). --tree"):
        root.names(tmp_path / "a.root")
    assert root.names(tmp_path / "a.root", "two") == ["IN_M_1", "n"]


def test_branches_of_several_values_are_told(tmp_path: Path) -> None:
    path = written(tmp_path / "a.root", "TTree", {"pair": np.zeros((3, 2))})
    with pytest.raises(BadInput, match="branch 'pair' is not one number a row"):
        root.columns(path, ["pair"])


@pytest.mark.parametrize("kind", ["TTree", "RNTuple"])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_a_torn_file_is_told(tmp_path: Path, kind: str, share: float) -> None:
    path = written(tmp_path / "a.root", kind)
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    files = find_files([str(path)])
    with pytest.raises(BadInput, match=r"a\.root: cannot be read as root: "):
        files.read(files.names())
