"""Members of HDF5 files, found so that nothing is taken from another file.

A library that follows an external link hands out the other file's dataset under the name that it has there;
by that name this file may hold something else, or a reader finds nothing.
"""

from __future__ import annotations

from pathlib import Path

import h5py

from trainers.common.errors import BadInput


def member(path: Path, parent: h5py.Group, name: str, kind: type) -> h5py.Group | h5py.Dataset:
    """Return the group or dataset `name` (a path below `parent`); BadInput where it is not in this file."""
    *groups, last = name.strip("/").split("/")
    for group in groups:
        parent = _next(path, parent, group, h5py.Group)
    return _next(path, parent, last, kind)


def has_member(path: Path, parent: h5py.Group, name: str) -> bool:
    """Tell whether a group has a dataset of that name; one behind a link that is refused raises BadInput."""
    if parent.get(name, getlink=True, default=None) is None:
        return False
    check_link(path, parent, name)
    return isinstance(parent.get(name), h5py.Dataset)


def check_link(path: Path, parent: h5py.Group, name: str) -> None:
    """Raise BadInput where a member is a link to another file, or to nothing."""
    link = parent.get(name, getlink=True, default=None)
    where = f"{path}: {parent.name.rstrip('/')}/{name}"
    if isinstance(link, h5py.ExternalLink):
        raise BadInput(
            f"{where} is an external link to {link.path} in {link.filename}: what is read must lie in the "
            "file that is named; name that file instead, or copy them into one with h5copy"
        )
    if isinstance(link, h5py.SoftLink) and parent.get(name) is None:
        raise BadInput(f"{where}: its link's target is gone: {link.path}")


def _next(path: Path, parent: h5py.Group, name: str, kind: type) -> h5py.Group | h5py.Dataset:
    check_link(path, parent, name)
    item = parent.get(name)
    if not isinstance(item, kind):
        what = "group" if kind is h5py.Group else "dataset"
        found = ", ".join(sorted(parent)) or "nothing"
        raise BadInput(f"{path}: no {what} {name!r} in {parent.name}; it holds {found}")
    own: h5py.Group | h5py.Dataset = item
    if _file_number(own) != _file_number(parent):
        raise BadInput(
            f"{path}: {parent.name.rstrip('/')}/{name} leads to another file, {own.file.filename}: "
            "what is read must lie in the file that is named; copy them into one with h5copy"
        )
    return own


def _file_number(item: h5py.Group | h5py.Dataset) -> int:
    number: int = h5py.h5o.get_info(item.id).fileno
    return number
