"""Activation files: HDF5 groups `train`, `val` and `test` of `activations` [N, D], `labels` [N] or [N, P].

Opening checks everything but the values of the activations, so that a wrong file costs seconds, not an epoch.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
from numpy.typing import NDArray

from trainers.common.errors import BadInput
from trainers.probes.errors import is_out_of_memory

SPLITS = ("train", "val", "test")
NAME_KEYS = ("actions", "action_names", "class_names")
"""Where a file may name its classes: an attribute or a dataset of strings beside the splits."""


@dataclass(frozen=True)
class SplitFile:
    """One split of an activation file, its labels read and its activations not."""

    path: Path
    split: str
    dataset: str
    """Name of the activations inside the file."""
    n_rows: int
    n_features: int
    dtype: np.dtype
    labels: NDArray
    """Class index [N], or 0 and 1 [N, P] where an example may belong to several classes."""
    map_offset: int | None
    """Byte at which contiguous activations begin; None if they are chunked, packed or compressed."""
    chunk_rows: int
    """Rows of a stored chunk, 1 if the dataset is contiguous."""

    @property
    def where(self) -> str:
        """The dataset as error messages name it."""
        return f"{self.path}: {self.dataset}"


@dataclass(frozen=True)
class ActivationFile:
    """The three splits of one layer."""

    splits: dict[str, SplitFile]
    names: list[str] | None
    """Class names found in the file."""


@contextmanager
def open_hdf5(path: Path) -> Iterator[h5py.File]:
    """Open `path` for reading; raises BadInput where it is missing, truncated or no HDF5 file.

    What h5py raises inside the block about a damaged file becomes BadInput too.
    """
    if not path.is_file():
        raise BadInput(f"{path}: no such file")
    try:
        file = h5py.File(path, "r")
    except OSError as error:
        raise BadInput(f"{path}: truncated or not an HDF5 file ({error})") from error
    try:
        with file:
            yield file
    except (OSError, RuntimeError, KeyError, TypeError, ValueError) as error:
        if is_out_of_memory(error):
            raise
        raise BadInput(f"{path}: cannot be read, perhaps truncated or damaged ({error})") from error


def open_activations(path: Path, group: str = "/") -> ActivationFile:
    """Describe the splits below `group` of `path`; raises BadInput for whatever does not fit together."""
    with open_hdf5(path) as file:
        root = file if group == "/" else _member(path, file, group.strip("/"), h5py.Group)
        splits = {split: _describe(path, root, split) for split in SPLITS}
        names = _names(path, root) or _names(path, file)
    _agree(splits)
    return ActivationFile(splits, names)


def _describe(path: Path, root: h5py.Group, split: str) -> SplitFile:
    group = _member(path, root, split, h5py.Group)
    data = _member(path, group, "activations", h5py.Dataset)
    labels = _member(path, group, "labels", h5py.Dataset)
    _check_activations(path, data)
    if labels.ndim not in (1, 2) or labels.shape[0] != data.shape[0]:
        raise BadInput(
            f"{path}: {labels.name} has shape {labels.shape}, must be [{data.shape[0]}] or "
            f"[{data.shape[0]}, classes] like {data.name}, which has shape {data.shape}"
        )
    if labels.dtype.kind not in "iub":
        raise BadInput(f"{path}: {labels.name} holds {labels.dtype}, must be integers")
    return SplitFile(
        path=path,
        split=split,
        dataset=data.name,
        n_rows=data.shape[0],
        n_features=data.shape[1],
        dtype=data.dtype,
        labels=labels[()],
        map_offset=_map_offset(path, data),
        chunk_rows=data.chunks[0] if data.chunks else 1,
    )


def _member(path: Path, parent: h5py.Group, name: str, kind: type) -> h5py.Group | h5py.Dataset:
    item = parent.get(name)
    if not isinstance(item, kind):
        what = "group" if kind is h5py.Group else "dataset"
        found = ", ".join(sorted(parent)) or "nothing"
        raise BadInput(f"{path}: no {what} {name!r} in {parent.name}; it holds {found}")
    return item


def _check_activations(path: Path, data: h5py.Dataset) -> None:
    if data.ndim != 2 or data.shape[1] == 0:
        raise BadInput(f"{path}: {data.name} has shape {data.shape}, must be [examples, features]")
    if data.shape[0] == 0:
        raise BadInput(f"{path}: {data.name} is empty; every split needs examples")
    if data.dtype.kind != "f" or data.dtype.itemsize not in (2, 4, 8):
        raise BadInput(f"{path}: {data.name} holds {data.dtype}, must be float16, float32 or float64")


def _map_offset(path: Path, data: h5py.Dataset) -> int | None:
    offset = data.id.get_offset() if data.chunks is None else None
    if offset is None or not data.dtype.isnative:
        return None
    end = offset + data.size * data.dtype.itemsize
    if path.stat().st_size < end:
        raise BadInput(
            f"{path}: truncated: {data.name} ends at byte {end}, the file at {path.stat().st_size}"
        )
    return int(offset)


def _names(path: Path, root: h5py.Group) -> list[str] | None:
    for key in NAME_KEYS:
        if key in root.attrs:
            return _texts(path, key, root.attrs[key])
        if isinstance(root.get(key), h5py.Dataset):
            return _texts(path, key, root[key][()])
    return None


def _texts(path: Path, key: str, stored: object) -> list[str]:
    names = np.atleast_1d(np.asarray(stored))
    if isinstance(stored, h5py.Empty) or names.ndim != 1:
        raise BadInput(f"{path}: {key!r} must be a list of class names")
    return [
        name.decode("utf-8", "surrogateescape") if isinstance(name, bytes) else str(name) for name in names
    ]


def _agree(splits: dict[str, SplitFile]) -> None:
    first = splits["train"]
    for other in splits.values():
        if other.n_features != first.n_features:
            raise BadInput(
                f"{other.where} has {other.n_features} features, {first.dataset} has {first.n_features}; "
                "all splits must have the same"
            )
        if other.labels.shape[1:] != first.labels.shape[1:]:
            raise BadInput(
                f"{other.path}: labels of {other.split} have shape {other.labels.shape}, of train "
                f"{first.labels.shape}; all splits must name classes in the same way"
            )
