"""What is no dense tensor and no plain data is found before anything of it is built."""

from __future__ import annotations

import io
import pickle
import zipfile
from collections import OrderedDict
from pathlib import Path
from typing import Any

import pytest
import torch

from trainers.common.plain_pickles import check_plain

X = torch.arange(6.0).view(2, 3)
PLAIN: dict[str, Any] = {
    "numbers": {"a": 1, "b": [2.5, True, None], "c": 10**30, "d": (1j, b"x", {3})},
    "tensors": OrderedDict(x=X, y=X.long(), z=X.bool(), half=X.bfloat16(), complex=X.cfloat()),
    "types": {"dtype": torch.float64, "size": torch.Size([1]), "device": torch.device("cpu")},
    "optimiser": torch.optim.AdamW([torch.nn.Parameter(X)]).state_dict(),
    "module": torch.nn.BatchNorm1d(3).state_dict(),
}


class Calls:
    """Is what a call gives, when it is read."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self._call = function, arguments

    def __reduce__(self) -> Any:
        return self._call


HOSTILE: dict[str, Any] = {
    "a program": Calls(print, "ran"),
    "gigabytes of nothing": Calls(bytearray, 10**10),
    "a tensor of nothing": Calls(torch.Tensor, 10**5, 10**4),
    "sparse": X.to_sparse(),
    "without memory": X.to("meta"),
    "a path": Path("x"),
}


def saved(path: Path, value: Any, *, archive: bool = True) -> Path:
    torch.save(value, path, _use_new_zipfile_serialization=archive)
    return path


@pytest.mark.parametrize("archive", [True, False], ids=["archive", "as before archives"])
@pytest.mark.parametrize("value", PLAIN.values(), ids=PLAIN)
def test_what_torch_writes_of_plain_values_passes(tmp_path: Path, value: Any, archive: bool) -> None:
    check_plain(saved(tmp_path / "x.pt", value, archive=archive))


@pytest.mark.parametrize("archive", [True, False], ids=["archive", "as before archives"])
@pytest.mark.parametrize("value", HOSTILE.values(), ids=HOSTILE)
def test_what_builds_something_else_is_refused(tmp_path: Path, value: Any, archive: bool) -> None:
    with pytest.raises(ValueError, match="it holds"):
        check_plain(saved(tmp_path / "x.pt", [X, value], archive=archive))


@pytest.mark.parametrize("protocol", [0, 1, 3, 4, 5])
def test_other_pickles_are_refused(tmp_path: Path, protocol: int) -> None:
    (tmp_path / "x.pt").write_bytes(pickle.dumps([1], protocol))
    with pytest.raises(ValueError, match="begins like no file"):
        check_plain(tmp_path / "x.pt")
    with pytest.raises(ValueError, match=r"it holds|damaged"):
        check_plain(_archive(tmp_path / "y.pt", {"x/data.pkl": pickle.dumps([print], max(2, protocol))}))


def _archive(path: Path, parts: dict[str, bytes], how: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(path, "w", how) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return path


def test_an_archive_that_unfolds_to_more_than_it_is_is_refused(tmp_path: Path) -> None:
    data = pickle.dumps([1], 2)
    for name in ("x/data/0", "x/data.pkl"):
        parts = {"x/data.pkl": data, name: data + bytes(10**6)}
        with pytest.raises(ValueError, match="compressed"):
            check_plain(_archive(tmp_path / "x.pt", parts, zipfile.ZIP_DEFLATED))


@pytest.mark.parametrize("names", [["x/data"], ["x/data.pkl", "y/data.pkl"]], ids=["none", "two"])
def test_an_archive_has_its_data_once(tmp_path: Path, names: list[str]) -> None:
    with pytest.raises(ValueError, match=r"parts data\.pkl"):
        check_plain(_archive(tmp_path / "x.pt", dict.fromkeys(names, pickle.dumps([1], 2))))


@pytest.mark.parametrize("archive", [True, False], ids=["archive", "as before archives"])
def test_a_torn_file_is_refused_wherever_it_is_torn(tmp_path: Path, archive: bool) -> None:
    buffer = io.BytesIO()
    torch.save({"x": X}, buffer, _use_new_zipfile_serialization=archive)
    whole = buffer.getvalue()
    end = len(whole) if archive else whole.index(b"storage")
    for length in range(0, end, max(1, end // 60)):
        (tmp_path / "x.pt").write_bytes(whole[:length])
        with pytest.raises(ValueError, match=r"."):
            check_plain(tmp_path / "x.pt")
