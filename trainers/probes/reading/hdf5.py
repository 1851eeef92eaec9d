"""Activation files: HDF5 groups `train`, `val` and `test` of `activations` [N, D], `labels` [N] or [N, P].

Opening checks everything but the values of the activations, so that a wrong file costs seconds, not an epoch.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
from numpy.typing import NDArray

from trainers.common.activations.hdf5 import StoredMatrix, describe, open_hdf5
from trainers.common.activations.hdf5_members import has_member, member
from trainers.common.activations.hdf5_whole import check_whole
from trainers.common.errors import BadInput

SPLITS = ("train", "val", "test")
NAME_KEYS = ("actions", "action_names", "class_names")
"""Where a file may name its classes: an attribute or a dataset of strings beside the splits."""


@dataclass(frozen=True)
class SplitFile(StoredMatrix):
    """One split of an activation file, its labels read and its activations not."""

    split: str
    labels: NDArray
    """Class index [N], or 0 and 1 [N, P] where an example may belong to several classes."""

    @property
    def what(self) -> str:
        return f"split {self.split!r}"


@dataclass(frozen=True)
class ActivationFile:
    """The three splits of one layer."""

    splits: dict[str, SplitFile]
    names: list[str] | None
    """Class names found in the file."""


def open_activations(path: Path, group: str = "/") -> ActivationFile:
    """Describe the splits below `group` of `path`; raises BadInput for whatever does not fit together."""
    with open_hdf5(path) as file:
        root = file if group == "/" else member(path, file, group, h5py.Group)
        splits = {split: _describe(path, root, split) for split in SPLITS}
        names = _names(path, root) or _names(path, file)
    _agree(splits)
    return ActivationFile(splits, names)


def version_of(path: Path) -> Hashable:
    """Return what changes when a file does.  Raises OSError where there is none."""
    stat = path.stat()
    return (str(path.resolve()), stat.st_ino, stat.st_mtime_ns, stat.st_size)


def _describe(path: Path, root: h5py.Group, split: str) -> SplitFile:
    group = member(path, root, split, h5py.Group)
    name = f"{root.name.rstrip('/')}/{split}"
    data = describe(path, member(path, group, "activations", h5py.Dataset), f"{name}/activations")
    labels = member(path, group, "labels", h5py.Dataset)
    _check_labels(path, labels, f"{name}/labels", data)
    return SplitFile(**vars(data), split=split, labels=labels[()])


def _check_labels(path: Path, labels: h5py.Dataset, name: str, data: StoredMatrix) -> None:
    rows, shape = data.n_rows, (data.n_rows, data.n_features)
    if labels.ndim not in (1, 2) or labels.shape[0] != rows:
        raise BadInput(
            f"{path}: {name} has shape {labels.shape}, must be [{rows}] or "
            f"[{rows}, classes] like {data.dataset}, which has shape {shape}"
        )
    if labels.dtype.kind not in "iub":
        raise BadInput(f"{path}: {name} holds {labels.dtype}, must be integers")
    check_whole(path, labels, name)


def _names(path: Path, root: h5py.Group) -> list[str] | None:
    for key in NAME_KEYS:
        if key in root.attrs:
            return _texts(path, key, root.attrs[key])
        if has_member(path, root, key):
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
