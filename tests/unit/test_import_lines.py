"""Who may import what: the lines between the packages, read from the source.

The order of the rooms within a package is in `scripts/lib/house/rooms.py`, held by `scripts/house`.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from scripts.lib.house.imports import imports_of

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


@pytest.mark.parametrize("path", sources("worker_agent/core"), ids=label)
def test_the_core_of_the_agent_is_pure(path: Path) -> None:
    assert not tops(path) & IMPURE
    inside = {".".join(name.split(".")[:2]) for name in imported(path) if within(name, "worker_agent")}
    assert inside <= {"worker_agent.core", "worker_agent.protocol"}


@pytest.mark.parametrize("path", sources("master", "worker_agent", "trainers"), ids=label)
def test_ssh_libraries_stay_in_the_ssh_adapters(path: Path) -> None:
    if not label(path).startswith("master/adapters/ssh_"):
        assert not tops(path) & SSH


@pytest.mark.parametrize("path", sources("master", "worker_agent"), ids=label)
def test_tensors_stay_in_the_trainers(path: Path) -> None:
    assert not tops(path) & TENSORS


@pytest.mark.parametrize("path", sources("master/runs"), ids=label)
def test_a_run_knows_nothing_of_who_started_it_and_who_shows_it(path: Path) -> None:
    above = ("master.commands", "master.orchestrator", "master.view")
    assert not {name for name in imported(path) if any(within(name, room) for room in above)}


@pytest.mark.parametrize("path", sources("master/commands", "master/orchestrator", "master/view"), ids=label)
def test_only_runs_build_adapters(path: Path) -> None:
    below = ("master.adapters", "master.transfers")
    assert not {name for name in imported(path) if any(within(name, room) for room in below)}
