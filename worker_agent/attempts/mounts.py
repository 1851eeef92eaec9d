"""What a working directory shows: copies of what a job may change, and links to what it may not."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Callable, Dict, List, Sequence, Tuple, Union

from worker_agent.protocol.messages import Mount

EXPERIMENTS = "experiments"
"""Where scripts that do not know the contract write; never shown from the code."""

_Leaf = Tuple[Path, bool]
"""What is shown, and whether as a copy."""
_Tree = Dict[str, Union[_Leaf, "_Tree"]]
Listing = Callable[[Path], List[str]]


@dataclass(frozen=True)
class View:
    """What is shown, by paths below the working directory; folders on the way are real ones."""

    copies: Dict[str, Path] = field(default_factory=dict)
    links: Dict[str, Path] = field(default_factory=dict)


def plan_view(mounts: Sequence[Tuple[Mount, Path]], listing: Listing) -> View:
    """Return what the mounts show.  The code is copied: an artefact at the top.  All else is linked to.

    `listing` names the entries of a directory; it is asked for mounts at the top and for those that another
    mount lies in.  Where two mounts show the same path, the later one is shown.
    """
    tree: _Tree = {}
    for mount, target in mounts:
        parts = [part for part in PurePosixPath(mount.at).parts if part != "."]
        if parts:
            _place(tree, parts, (target, False), listing)
            continue
        for name in listing(target):
            if name != EXPERIMENTS:
                _place(tree, [name], (target / name, mount.artefact is not None), listing)
    view = View()
    _flatten(tree, "", view)
    return view


def _place(tree: _Tree, parts: Sequence[str], leaf: _Leaf, listing: Listing) -> None:
    name, *rest = parts
    if not rest:
        tree[name] = leaf
        return
    below = tree.get(name, {})
    if isinstance(below, tuple):
        shown, is_copy = below
        below = {entry: (shown / entry, is_copy) for entry in listing(shown)}
    tree[name] = below
    _place(below, rest, leaf, listing)


def _flatten(tree: _Tree, prefix: str, view: View) -> None:
    for name, below in tree.items():
        if isinstance(below, tuple):
            shown, is_copy = below
            (view.copies if is_copy else view.links)[f"{prefix}{name}"] = shown
        else:
            _flatten(below, f"{prefix}{name}/", view)
