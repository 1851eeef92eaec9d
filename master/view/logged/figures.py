"""The figures of a result, from the first kind of file that has some."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from master.core.results.curves import Curves, metrics_of
from master.storage.metrics_file import metrics_json
from master.view.logged.csv_logs import NAMES, read_csv_log
from master.view.logged.event_files import PATTERN, NotInstalled, read_events

_MOST_FILES = 20_000
"""A result may be a data set: no more of it is looked through."""
_VERSION = re.compile(r"(?:version|run|v)[_-]?\d+", re.IGNORECASE)


@dataclass(frozen=True)
class Figures:
    """What a result tells in numbers."""

    metrics: Mapping[str, float] = field(default_factory=dict)
    problem: str = ""
    """Why figures that are there could not be read."""
    curves: Curves = field(default_factory=dict, compare=False)
    """What the metrics are the last and the best of, where that was logged."""


def figures_of(result: Path, source: str = "") -> Figures:
    """Return the figures of a result from a source, by default the first that has some or cannot be read."""
    looked = _Result(result)
    for name in (source,) if source else _READERS:
        found = _READERS[name](looked)
        if found.metrics or found.problem:
            return found
    return Figures()


def curves_of(result: Path) -> tuple[Curves, str]:
    """Return what was logged again and again, from the first kind of log, or why it cannot be read."""
    looked = _Result(result)
    for read in (_of_csv, _of_events):
        found = read(looked)
        if found.curves or found.problem:
            return found.curves, found.problem
    return {}, ""


class _Result:
    """The folder of a result, looked through at most once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @cached_property
    def files(self) -> Sequence[Path]:
        return list(_files(self.folder))


def _of_json(result: _Result) -> Figures:
    return Figures(*metrics_json(result.folder))


def _of_csv(result: _Result) -> Figures:
    for name in NAMES:
        logs = [path for path in result.files if path.name == name]
        if logs:
            return _read(_latest(logs), read_csv_log, result.folder)
    return Figures()


def _of_events(result: _Result) -> Figures:
    folders = {path.parent for path in result.files if path.match(PATTERN)}
    return _read(_latest_folders(folders), read_events, result.folder) if folders else Figures()


_READERS: Mapping[str, Callable[[_Result], Figures]] = {
    "json": _of_json,
    "csv": _of_csv,
    "tensorboard": _of_events,
}


def _read(paths: list[Path], read: Callable[[Path], Curves], result: Path) -> Figures:
    """Return the metrics of several logs, each under the folders that tell it from the others."""
    curves: dict[str, list[float]] = {}
    folders = [path if path.is_dir() else path.parent for path in paths]
    shared = Path(os.path.commonpath(folders))
    for path, folder in zip(paths, folders, strict=True):
        inner = folder.relative_to(shared).as_posix()
        prefix = "" if inner == "." else f"{inner}/"
        try:
            curves |= {f"{prefix}{name}": list(values) for name, values in read(path).items()}
        except NotInstalled as error:
            return Figures({}, f"TensorBoard's event files need a package: {error}")
        except (OSError, ValueError) as error:
            return Figures({}, f"{path.relative_to(result).as_posix()}: {error}")
    return Figures(metrics_of(curves), curves=curves)


def _files(result: Path) -> Iterator[Path]:
    """Yield the files of a result in a fixed order."""
    count = 0
    for root, folders, names in os.walk(result):
        folders.sort()
        for name in sorted(names):
            count += 1
            if count > _MOST_FILES:
                return
            yield Path(root, name)


def _latest(paths: list[Path]) -> list[Path]:
    by_folder = {path.parent: path for path in paths}
    return [by_folder[folder] for folder in _latest_folders(by_folder)]


def _latest_folders(folders: Iterable[Path]) -> list[Path]:
    """Return folders; of versions of one log, such as `version_0` and `version_1`, the last."""
    versions: dict[Path, Path] = {}
    for folder in sorted(folders, key=_numbers):
        key = folder.parent / "*" if _VERSION.fullmatch(folder.name) else folder
        versions[key] = folder
    return sorted(versions.values())


def _numbers(folder: Path) -> tuple[str, int, str]:
    number = re.search(r"(\d+)$", folder.name)
    return str(folder.parent), int(number[1]) if number else -1, folder.name
