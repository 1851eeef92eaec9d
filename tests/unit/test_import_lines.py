"""Who may import what: the lines between the packages, read from the source."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = {"master", "worker_agent", "trainers", "tests", "examples", "benchmarks", "scripts"}
NOT_IN_3_8 = {"tomllib", "zoneinfo", "graphlib"}
IMPURE = {
    *("subprocess", "socket", "threading", "time", "random", "asyncio", "multiprocessing", "concurrent"),
    *("os", "shutil", "tempfile", "pathlib", "io", "sqlite3", "queue", "select", "selectors", "signal"),
    *("secrets", "uuid", "http", "urllib", "logging"),
}
SHIPPING = {"worker_agent", "worker_agent.__version__"}
"""What the master needs to send the agent to a worker: where the package lies, and its version."""
SSH = {"fabric", "paramiko", "invoke"}
TENSORS = {"torch", "lightning", "pytorch_lightning"}


def imports_of(source: str, package: str = "") -> Iterator[str]:
    """Yield the dotted names of all modules that a source imports, at any depth; `package` holds it."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            yield from (f"{base}.{alias.name}" for alias in node.names)


def sources(*places: str) -> list[Path]:
    return sorted(path for place in places for path in (ROOT / place).rglob("*.py"))


def imported(path: Path) -> set[str]:
    package = ".".join(path.relative_to(ROOT).parent.parts)
    return set(imports_of(path.read_text(encoding="utf-8"), package))


def tops(path: Path) -> set[str]:
    return {name.split(".")[0] for name in imported(path)}


def within(name: str, module: str) -> bool:
    return name == module or name.startswith(f"{module}.")


def label(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def test_imports_are_found_wherever_they_hide() -> None:
    source = "import a.b as x\nfrom c import d\ndef f():\n    from .e import g\n    from .. import h\n"
    assert set(imports_of(source, "p.q")) == {"a.b", "c.d", "p.q.e.g", "p.h"}


def test_the_files_that_the_lines_are_about_are_there() -> None:
    assert {"master/core/running/run_state.py", "worker_agent/protocol/messages.py"} <= {
        label(path) for path in sources("master", "worker_agent")
    }
    assert sources("trainers")


@pytest.mark.parametrize("path", sources("worker_agent"), ids=label)
def test_the_agent_needs_only_the_standard_library(path: Path) -> None:
    allowed = (set(sys.stdlib_module_names) - NOT_IN_3_8) | {"worker_agent"}
    assert tops(path) <= allowed


@pytest.mark.parametrize("path", sources("master", "trainers"), ids=label)
def test_master_and_trainers_share_only_the_protocol(path: Path) -> None:
    own = path.relative_to(ROOT).parts[0]
    foreign = {name for name in imported(path) if name.split(".")[0] in PACKAGES - {own}}
    assert {name for name in foreign if not within(name, "worker_agent.protocol")} <= SHIPPING


@pytest.mark.parametrize("path", sources("master/core"), ids=label)
def test_the_core_is_pure(path: Path) -> None:
    assert not tops(path) & (IMPURE | SSH)
    inside = {name for name in imported(path) if within(name, "master")}
    pure = ("master.core", "master.errors", "master.specs")
    assert all(any(within(name, module) for module in pure) for name in inside)


ROOMS = (
    {"protocol", "system"},
    {"core"},
    {"executors", "devices", "cache", "attempts"},
    {"runtime"},
    {"__main__"},
)
"""Of the agent, from the bottom up: imports go down, or stay where they are."""


def room(name: str) -> str:
    """Return the room of a module of the agent; the package itself holds only its version."""
    return name.split(".")[1] if name.count(".") else ""


def module(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def floor(name: str) -> int:
    return next(number for number, rooms in enumerate(ROOMS) if room(name) in rooms)


@pytest.mark.parametrize("path", sources("worker_agent/core"), ids=label)
def test_the_core_of_the_agent_is_pure(path: Path) -> None:
    assert not tops(path) & IMPURE
    inside = {room(name) for name in imported(path) if within(name, "worker_agent")}
    assert inside <= {"core", "protocol"}


@pytest.mark.parametrize("path", sources("worker_agent/"), ids=label)
def test_imports_between_the_rooms_of_the_agent_go_down(path: Path) -> None:
    if not room(module(path)):
        return
    own, versions = floor(module(path)), {"worker_agent.__version__"}
    used = {name for name in imported(path) if within(name, "worker_agent")} - versions
    assert [name for name in used if floor(name) > own] == []


def test_the_rooms_of_the_agent_do_not_import_each_other_in_a_circle() -> None:
    below: dict[str, set[str]] = {}
    for path in filter(lambda path: room(module(path)), sources("worker_agent")):
        used = {room(name) for name in imported(path) if within(name, "worker_agent")}
        below.setdefault(room(module(path)), set()).update(used - {room(module(path)), "__version__"})
    assert len(list(TopologicalSorter(below).static_order())) == len(set().union(*ROOMS))


@pytest.mark.parametrize("path", sources("master", "worker_agent", "trainers"), ids=label)
def test_ssh_libraries_stay_in_the_ssh_adapters(path: Path) -> None:
    if not label(path).startswith("master/adapters/ssh_"):
        assert not tops(path) & SSH


@pytest.mark.parametrize("path", sources("master", "worker_agent"), ids=label)
def test_tensors_stay_in_the_trainers(path: Path) -> None:
    assert not tops(path) & TENSORS
