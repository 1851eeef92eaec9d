"""What a command imports before it has read its words: help and `--version` wait for nothing that runs."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

import twophase

LOOK = """
import io, json, sys
import twophase
sys.argv, out, sys.stdout = ["twophase", *sys.argv[1:]], sys.stdout, io.StringIO()
try:
    code = twophase.main()
except SystemExit as ended:
    code = ended.code
out.write(json.dumps([code, sys.stdout.getvalue(), sorted(sys.modules)]))
"""
LIGHT = (
    *("master.core", "master.commands", "master.errors", "master.intake.sweeps", "trainers.common"),
    "worker_agent.protocol.script_contract",
)
"""Rooms and modules that help may import; what they import in turn is looked at, too."""
HEAVY = {
    *("torch", "numpy", "rich", "yaml", "sqlite3", "fabric", "paramiko", "invoke", "asyncio", "subprocess"),
    *("logging", "random", "statistics", "concurrent", "urllib.request", "multiprocessing"),
}
WORK = "_work"
"""The end of the names of modules that do what a command is for."""


def looked(*words: str) -> tuple[int | None, str, set[str]]:
    """Return the exit code of a command, what it says, and which modules it imports."""
    done = subprocess.run([sys.executable, "-c", LOOK, *words], capture_output=True, text=True, check=True)
    code, said, modules = json.loads(done.stdout)
    return code, said, set(modules)


@pytest.mark.parametrize("command", [*twophase._COMMANDS, *(p.parent.name for p in twophase._manifests())])
def test_help_imports_nothing_that_runs(command: str) -> None:
    code, said, modules = looked(command, "--help")
    assert code == 0 and said.startswith("usage: ")
    assert not modules & HEAVY
    assert not [name for name in modules if name.startswith("master.") and name.endswith(WORK)]
    packages = ("master", "worker_agent")
    ours = {name for name in modules if name.split(".")[0] in packages and name.count(".") > 1}
    assert {name for name in ours if not name.startswith(LIGHT)} <= {"master.intake.sweeps"}


@pytest.mark.parametrize("command", [*twophase._COMMANDS, *(p.parent.name for p in twophase._manifests())])
def test_the_version_is_told_before_anything_is_imported(command: str) -> None:
    code, said, modules = looked(command, "--version")
    assert code == 0 and said.startswith(f"{command} ") and said.count("\n") == 1
    assert not [name for name in modules if name.startswith(("master.", "trainers.", "worker_agent."))]


def test_ssh_is_imported_where_it_is_used() -> None:
    look = "import sys, master.commands.run_two_phase_work as m; print('paramiko' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_a_plan_loads_nothing_that_runs() -> None:
    look = "import sys, master.commands.run_two_phase_work as m; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True)
    ours = {name for name in done.stdout.split() if name.startswith(("master.", "yaml"))}
    runs = (
        "master.runs.run.",
        "master.runs.dispatcher",
        "master.transfers",
        "master.core.running.records",
        "yaml",
    )
    assert not [name for name in ours if f"{name}.".startswith((*runs, "yaml"))]
