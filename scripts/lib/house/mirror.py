"""Whether the unit tests mirror the packages: folders of one name, and a test module for what has logic."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from scripts.lib.house.measure import Module

UNIT = "tests/unit"
BEYOND_UNIT_TESTS = {
    *("concurrent", "fabric", "fcntl", "multiprocessing", "paramiko", "pty", "select", "selectors"),
    *("signal", "socket", "sqlite3", "subprocess", "termios", "threading"),
}
"""Who imports these has processes, sockets or threads: contract and integration tests are for it."""


def untested(product: Iterable[Module], tests: Iterable[Module]) -> list[str]:
    """Return the modules with logic that unit tests could hold, and that no test module is named after.

    `test_<module>.py` and `test_<module>_….py` are; `test_<word>.py` is for all modules `<word>_….py`, and
    `test_<folder>.py` beside a folder for all modules in it.
    """
    names = {module.path.removeprefix(f"{UNIT}/") for module in tests if module.path.startswith(UNIT)}
    return [module.path for module in product if _testable(module) and not any(_tests_of(module, names))]


def strange_folders(folders: Iterable[str], tests: Iterable[Module]) -> list[str]:
    """Return the folders of unit tests that mirror none of the folders."""
    known = set(folders)
    mirrored = {module.folder for module in tests if module.folder.startswith(f"{UNIT}/")}
    return sorted(folder for folder in mirrored if folder.removeprefix(f"{UNIT}/") not in known)


def _testable(module: Module) -> bool:
    logic = any(function.decides for function in module.functions)
    return logic and not {name.split(".")[0] for name in module.imports} & BEYOND_UNIT_TESTS


def _tests_of(module: Module, names: set[str]) -> Iterator[bool]:
    stem = module.path.rpartition("/")[2].removesuffix(".py").strip("_")
    start = f"{module.folder}/test_"
    parent, _, own = module.folder.rpartition("/")
    yield f"{start}{stem.split('_')[0]}.py" in names
    yield f"{parent}/test_{own}.py" in names
    yield from (name == f"{start}{stem}.py" or name.startswith(f"{start}{stem}_") for name in names)
