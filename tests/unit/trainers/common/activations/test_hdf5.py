"""HDF5 files that would be read wrongly are refused, with what is wrong."""

from __future__ import annotations

import fcntl
import re
from pathlib import Path

import h5py
import numpy as np
import pytest

from trainers.common.activations.hdf5 import StoredMatrix, describe, open_hdf5
from trainers.common.activations.hdf5_members import has_member, member
from trainers.common.errors import BadInput

X = np.arange(48, dtype="float32").reshape(12, 4)


def described(path: Path, name: str = "train/activations") -> StoredMatrix:
    with open_hdf5(path) as file:
        return describe(path, member(path, file, name, h5py.Dataset), name)


def refused(path: Path, message: str, name: str = "train/activations") -> bool:
    with pytest.raises(BadInput, match=message):
        described(path, name)
    return True


def plain(path: Path, x: np.ndarray = X, name: str = "train/activations", **options: object) -> Path:
    with h5py.File(path, "a") as file:
        file.create_dataset(name, data=x, **options)
    return path


def virtual(path: Path, rows: int, sources: dict[str, slice]) -> Path:
    layout = h5py.VirtualLayout(shape=(rows, 4), dtype="f4")
    for name, place in sources.items():
        layout[place] = h5py.VirtualSource(name, "train/activations", shape=(place.stop - place.start, 4))
    with h5py.File(path, "w") as file:
        file.require_group("train").create_virtual_dataset("activations", layout)
    return path


def test_a_dataset_in_its_file_is_described(tmp_path: Path) -> None:
    found = described(plain(tmp_path / "plain.h5"))
    assert (found.n_rows, found.n_features, found.chunk_rows) == (12, 4, 1)
    assert found.map_offset is not None
    packed = described(plain(tmp_path / "packed.h5", chunks=(5, 4), compression="gzip"))
    assert (packed.chunk_rows, packed.map_offset) == (5, None)


@pytest.mark.parametrize("link", ["train", "train/activations"])
@pytest.mark.parametrize("beside", [True, False])
def test_external_links_are_refused_by_name(tmp_path: Path, link: str, beside: bool) -> None:
    plain(tmp_path / "shard.h5")
    path = tmp_path / "linked.h5"
    with h5py.File(path, "w") as file:
        if beside:
            file["other"] = np.full((600, 64), 7, "f4")
        file[link] = h5py.ExternalLink("shard.h5", f"/{link}")
    assert refused(path, rf"linked\.h5: /{link} is an external link to /{link} in shard\.h5")


def test_a_link_within_the_file_may_not_lead_out_of_it(tmp_path: Path) -> None:
    plain(tmp_path / "shard.h5")
    path = plain(tmp_path / "linked.h5", name="own/activations")
    with h5py.File(path, "a") as file:
        file["away"] = h5py.ExternalLink("shard.h5", "/train")
        file["train"] = h5py.SoftLink("/away")
        file["within"] = h5py.SoftLink("/own")
        file["nowhere"] = h5py.SoftLink("/gone")
    assert refused(path, r"/train leads to another file, .*shard\.h5")
    assert refused(path, r"/nowhere: its link's target is gone: /gone", "nowhere/activations")
    assert described(path, "within/activations").n_rows == 12
    assert described(path, "within/activations").dataset == "within/activations"


def test_names_behind_an_external_link_are_refused_too(tmp_path: Path) -> None:
    path = tmp_path / "names.h5"
    with h5py.File(path, "w") as file:
        file["actions"] = h5py.ExternalLink("other.h5", "/actions")
        file["class_names"] = [b"a"]
        assert not has_member(path, file, "action_names")
        assert has_member(path, file, "class_names")
        with pytest.raises(BadInput, match="/actions is an external link"):
            has_member(path, file, "actions")


def test_external_storage_is_refused(tmp_path: Path) -> None:
    raw = tmp_path / "raw.bin"
    raw.write_bytes(X.tobytes())
    path = tmp_path / "external.h5"
    with h5py.File(path, "w") as file:
        group = file.create_group("train")
        group.create_dataset("activations", X.shape, "f4", external=[(str(raw), 0, h5py.h5f.UNLIMITED)])
    assert refused(path, r"keeps its values in another file \(.*raw\.bin\): external storage is not read")


def test_a_virtual_dataset_is_read_where_every_source_is_there(tmp_path: Path) -> None:
    plain(tmp_path / "a.h5")
    plain(tmp_path / "b.h5")
    path = virtual(tmp_path / "virtual.h5", 24, {"a.h5": slice(0, 12), "b.h5": slice(12, 24)})
    assert described(path).n_rows == 24
    (tmp_path / "b.h5").rename(tmp_path / "moved.h5")
    assert refused(path, r"source train/activations in b\.h5 is gone; it would be read as zeros")


def test_a_virtual_dataset_with_rows_from_nowhere_is_refused(tmp_path: Path) -> None:
    plain(tmp_path / "a.h5")
    path = virtual(tmp_path / "virtual.h5", 20, {"a.h5": slice(4, 16)})
    assert refused(path, "without a source for 8 of its rows, the first is 0")


def test_sources_of_a_virtual_dataset_are_whole_themselves(tmp_path: Path) -> None:
    path = virtual(tmp_path / "virtual.h5", 12, {"a.h5": slice(0, 12)})
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_group("other")
    assert refused(path, "is not in that file")
    plain(tmp_path / "b.h5", X[:3])
    short = virtual(tmp_path / "short.h5", 12, {"b.h5": slice(0, 12)})
    assert refused(short, r"has shape \(3, 4\) and is asked for more")
    with h5py.File(tmp_path / "c.h5", "w") as file:
        file.create_dataset("train/activations", (12, 4), "f4", chunks=(3, 4))[:6] = X[:6]
    holed = virtual(tmp_path / "holed.h5", 12, {"c.h5": slice(0, 12)})
    assert refused(holed, r"c\.h5: train/activations: 2 of its 4 chunks were never written")
    (tmp_path / "d.h5").write_bytes(b"no HDF5")
    damaged = virtual(tmp_path / "damaged.h5", 12, {"d.h5": slice(0, 12)})
    assert refused(damaged, r"in d\.h5 cannot be opened")


def test_a_virtual_dataset_of_parts_of_rows_is_refused(tmp_path: Path) -> None:
    plain(tmp_path / "a.h5", X[:, :2])
    layout = h5py.VirtualLayout(shape=(12, 4), dtype="f4")
    layout[:, :2] = h5py.VirtualSource("a.h5", "train/activations", shape=(12, 2))
    with h5py.File(tmp_path / "virtual.h5", "w") as file:
        file.create_group("train").create_virtual_dataset("activations", layout)
    assert refused(tmp_path / "virtual.h5", "takes parts of rows from a.h5")


def test_a_virtual_dataset_may_read_from_its_own_file(tmp_path: Path) -> None:
    path = plain(tmp_path / "own.h5", name="stored/activations")
    layout = h5py.VirtualLayout(shape=(12, 4), dtype="f4")
    with h5py.File(path, "a") as file:
        layout[:] = h5py.VirtualSource(file["stored/activations"])
        file.create_group("train").create_virtual_dataset("activations", layout)
    assert described(path).n_rows == 12


@pytest.mark.parametrize("options", [{}, {"chunks": (5, 4)}, {"chunks": (5, 4), "compression": "gzip"}])
def test_what_was_never_written_is_refused(tmp_path: Path, options: dict[str, object]) -> None:
    path = tmp_path / "empty.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("train/activations", (12, 4), "f4", **options)
    assert refused(path, "never written")


def test_sizes_beyond_the_file_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "huge.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("train/activations", (1 << 28, 4), "f4", chunks=(1 << 20, 4), compression="gzip")
    assert refused(path, r"claims 4294967296 bytes \(shape \(268435456, 4\)\), the file has \d+")


def test_dense_compression_is_no_damage(tmp_path: Path) -> None:
    path = plain(tmp_path / "zeros.h5", np.zeros((50_000, 16), "f4"), chunks=(50_000, 16), compression="gzip")
    assert described(path).n_rows == 50_000


def test_a_file_that_is_being_written_is_told(tmp_path: Path) -> None:
    path = plain(tmp_path / "busy.h5")
    with path.open("r+b") as writer:
        fcntl.flock(writer, fcntl.LOCK_EX)
        assert refused(
            path, r"busy\.h5: is locked by a writer; wait until the program that writes it has closed it"
        )


def test_a_link_to_nothing_is_told_from_nothing(tmp_path: Path) -> None:
    link = tmp_path / "link.h5"
    link.symlink_to(tmp_path / "gone.h5")
    assert refused(link, rf"link\.h5: its link's target is gone: {re.escape(str(tmp_path / 'gone.h5'))}")
    assert refused(tmp_path / "none.h5", "no such file")
