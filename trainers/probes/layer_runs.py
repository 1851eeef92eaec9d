"""Which layers one command trains: from --activations and --layer to files, groups and output directories.

one file                       its root, or its group layer_<n> for every --layer n that it has
several files                  one layer each; the results of <stem>.h5 go to <output>/<stem>
a path with {layer}            that file for every --layer
a directory                its one HDF5 file of every --layer, by the number after "layer" in its name, else
                               by that at the end, else by any
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from trainers.common.activations.hdf5 import open_hdf5
from trainers.common.errors import BadInput

SUFFIXES = (".h5", ".hdf5")


@dataclass(frozen=True)
class LayerRun:
    """One layer to train probes for."""

    path: Path
    group: str
    """Group of the file that holds the splits."""
    layer: str | None
    """The layer as the user named it."""
    output: Path


def find_layer_runs(activations: Sequence[str], layers: Sequence[str], output: Path) -> list[LayerRun]:
    """Return the layers to train; raises BadInput where a file for one is missing or not the only one."""
    if not layers:
        sources: list[tuple[Path, str, str | None]] = [
            (path, "/", None) for name in activations for path in _files(Path(name))
        ]
    else:
        wanted = list(dict.fromkeys(layers))
        sources = [(*_source(name, layer, wanted), layer) for name in activations for layer in wanted]
    if len(sources) == 1:
        path, group, only = sources[0]
        return [LayerRun(path, group, only, output)]
    layer_runs = [
        LayerRun(path, group, layer, output / _label(path, layer, activations))
        for path, group, layer in sources
    ]
    outputs = [layer_run.output for layer_run in layer_runs]
    for layer_run in layer_runs:
        if outputs.count(layer_run.output) > 1:
            raise BadInput(
                f"{layer_run.path}: its results would share {layer_run.output} with another file's; "
                "rename one"
            )
    return layer_runs


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    found = sorted(entry for entry in path.iterdir() if entry.suffix in SUFFIXES)
    if not found:
        raise BadInput(f"{path}: no HDF5 file ({' or '.join(SUFFIXES)}) in this directory")
    return found


def _label(path: Path, layer: str | None, activations: Sequence[str]) -> str:
    if layer is None:
        return path.stem
    return f"layer_{layer}" if len(activations) == 1 else f"{path.stem}_layer_{layer}"


def _source(name: str, layer: str, layers: Sequence[str]) -> tuple[Path, str]:
    if "{layer}" in name:
        return Path(name.replace("{layer}", layer)), "/"
    path = Path(name)
    if path.is_dir():
        return _of_layer(path, layer), "/"
    with open_hdf5(path) as file:
        groups = sorted(key for key in file if key.startswith("layer_"))
    if f"layer_{layer}" in groups:
        return path, f"/layer_{layer}"
    if groups or len(layers) > 1:
        raise BadInput(f"{path}: no group 'layer_{layer}'; it holds {', '.join(groups) or 'no layer groups'}")
    return path, "/"


def _of_layer(directory: Path, layer: str) -> Path:
    found = [path for path in _files(directory) if _is_of_layer(path.stem, layer)]
    if len(found) != 1:
        names = ", ".join(path.name for path in found) or "none"
        raise BadInput(f"{directory}: one file must be of layer {layer}, found {names}")
    return found[0]


def _is_of_layer(stem: str, layer: str) -> bool:
    if not layer.isdecimal():
        return stem == layer or re.search(rf"[^0-9A-Za-z]{re.escape(layer)}$", stem) is not None
    for pattern in (r"layer[^0-9A-Za-z]*([0-9]+)", r"([0-9]+)$", r"([0-9]+)"):
        numbers = re.findall(pattern, stem, re.IGNORECASE)
        if numbers:
            return int(layer) in map(int, numbers)
    return False
