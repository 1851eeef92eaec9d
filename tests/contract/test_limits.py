"""What everybody who keeps limits of jobs must do, with real processes."""

from __future__ import annotations

import os
import shutil
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.needs import missing
from tests.support.runaways import BOMB
from worker_agent.core.excess import Aftermath, Excess
from worker_agent.core.execution import Exit
from worker_agent.executors.base import Invocation
from worker_agent.executors.process import ProcessExecutor
from worker_agent.limits.base import Bounds, Held
from worker_agent.limits.cgroups import CgroupBounds, find_parent, own_group
from worker_agent.limits.output import OutputMeter
from worker_agent.limits.scopes import ScopeBounds, available
from worker_agent.limits.watch import Watch
from worker_agent.limits.watched import WatchedBounds
from worker_agent.protocol.layout import AttemptLayout
from worker_agent.protocol.terms import JobLimits
from worker_agent.system import processes

MB = 10**6
PATIENCE_S = 60.0
KEY = ("a", 1)
FAKE_SYSTEMD_RUN = """#!/bin/sh
while [ "$1" != -- ]; do echo "$1" >> "$TWOPHASE_SAID"; shift; done
shift
exec "$@"
"""
BUSY = "\nimport time\ntime.sleep(60)\n"
HOG = """
import time
held = []
while True:
    if len(held) < 30:
        held.append(bytearray(b"x" * 10_000_000))
    time.sleep(0.03)
"""
FAMILY = """
import os, time
for _ in range(5):
    if os.fork() == 0:
        held = b"x" * 40_000_000
        time.sleep(60)
time.sleep(60)
"""
RUNAWAY = """
import os, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        held = []
        while len(held) < 30:
            held.append(bytearray(b"x" * 10_000_000))
            time.sleep(0.03)
        time.sleep(60)
    os._exit(0)
os.wait()
time.sleep(60)
"""
SHARING = """
import os, time
held = b"x" * 80_000_000
children = [os.fork() for _ in range(3) if os.getpid() == LEADER]
time.sleep(1.5)
"""
WRITER = """
import os, time
with open(PLACE, "wb", buffering=0) as stream:
    for _ in range(50):
        stream.write(b"x" * 1_000_000)
        time.sleep(0.1)
time.sleep(60)
"""
LOUD = """
import sys, time
for _ in range(50):
    sys.stdout.buffer.write(b"x" * 1_000_000)
    sys.stdout.flush()
    time.sleep(0.1)
time.sleep(60)
"""


class Place:
    """An attempt's directories, and what runs and bounds it."""

    def __init__(self, root: Path, bounds: Bounds) -> None:
        self.layout, self.bounds = AttemptLayout(str(root / "attempt")), bounds
        for folder in (self.layout.work, self.layout.output, self.layout.log_folder):
            Path(folder).mkdir(parents=True)
        self.told: list[Excess] = []
        self.executor, self.watch = ProcessExecutor(), Watch(bounds, self.told.append)
        self.mark = f"TWOPHASE_OUTPUT_DIR={self.layout.output}"

    def start(self, code: str, limits: JobLimits) -> int:
        begin = f"import os\nLEADER, PLACE = os.getpid(), {self.layout.output!r} + '/big'\n"
        code = begin + textwrap.dedent(code)
        env = {**os.environ, "TWOPHASE_OUTPUT_DIR": self.layout.output}
        argv = self.bounds.command([sys.executable, "-c", code], limits)
        invocation = Invocation(argv, env, self.layout.work, self.layout.log, self.mark)
        since = time.time_ns()
        pid = self.executor.start(KEY, invocation)
        held = Held(KEY, pid, os.fsencode(self.mark), limits)
        assert self.watch.follow(held, OutputMeter(self.layout, since)) == ""
        return pid

    def end(self) -> tuple[Exit, Aftermath]:
        """Wait for the attempt to end."""
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            for exit in self.executor.poll():
                return exit, self.watch.leave(KEY, killed=exit.exit_code < 0)
            time.sleep(0.01)
        raise AssertionError("the attempt does not end")

    def left(self) -> list[int]:
        """Return what of the attempt is still there."""
        mark = os.fsencode(self.mark)
        alive = [item.pid for item in processes.processes() if item.alive]
        return [pid for pid in alive if processes.environment_has(pid, mark)]

    def close(self) -> None:
        self.executor.stop(KEY, 0.0)
        for pid in self.left():
            processes.kill(pid)
        self.watch.close()
        self.executor.close()


@pytest.fixture
def groups() -> Iterator[Path]:
    """Make a control group of our own below the one that these tests are in; whatever counts there counts."""
    own = own_group(Path("/proc/self"))
    group = own / f"twophase-tests-{os.getpid()}" if own else Path("/nowhere")
    try:
        group.mkdir()
    except OSError as error:
        missing(f"no control group (version 2) can be made here: {error}")
    yield group
    for below in group.glob("*/"):
        below.rmdir()
    group.rmdir()


@pytest.fixture(params=["watched", "cgroup", "scope"])
def place(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    processes.adopt_orphans()
    bounds: Bounds = WatchedBounds()
    if request.param == "cgroup":
        bounds = CgroupBounds(find_parent() or request.getfixturevalue("groups"), _counted())
    elif request.param == "scope":
        bounds = ScopeBounds()
        if not available():
            _fake_systemd_run(tmp_path, monkeypatch)
    made = Place(tmp_path, bounds)
    yield made
    made.close()


def _counted() -> tuple[str, ...]:
    return ("memory", "pids") if find_parent() else ()


def _fake_systemd_run(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stand in for a user manager, which this machine has not: the command runs, and nothing bounds it."""
    program = root / "bin" / "systemd-run"
    program.parent.mkdir()
    program.write_text(FAKE_SYSTEMD_RUN)
    program.chmod(0o755)
    (root / "systemd").mkdir()
    (root / "systemd" / "private").touch()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(root))
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    monkeypatch.setenv("TWOPHASE_SAID", str(root / "said"))


def needs_memory(place: Place) -> None:
    if place.bounds.how == "cgroup" and not _counted():
        pytest.skip("no control group here counts memory (its controller is mounted as version 1)")


def test_a_job_within_its_limits_ends_by_itself(place: Place) -> None:
    place.start("print('x' * 1000); open(PLACE, 'w').write('y' * 1000)", JobLimits(500 * MB, 5, MB))
    exit, found = place.end()
    assert (exit.exit_code, found, place.told) == (0, Aftermath(), [])


@pytest.mark.parametrize("code", [HOG, FAMILY, RUNAWAY], ids=["one", "many", "runaway"])
def test_a_job_that_takes_too_much_memory_is_ended_with_all_its_processes(place: Place, code: str) -> None:
    needs_memory(place)
    place.start(code, JobLimits(memory_bytes=100 * MB))
    exit, found = place.end()
    assert exit.exit_code in (-9, -15)  # systemd asks what the kernel has left to end
    assert found.problem.startswith("over its limit of memory: its processes took ")
    assert "allowed are 100.0 MB; raise `memory` in its `limits`" in found.problem
    assert place.left() == []


def test_memory_that_processes_share_counts_once(place: Place) -> None:
    needs_memory(place)
    place.start(SHARING, JobLimits(memory_bytes=150 * MB))
    exit, found = place.end()
    assert (exit.exit_code, found) == (0, Aftermath())


def test_a_job_that_starts_too_many_processes_is_ended_with_all_of_them(place: Place) -> None:
    place.start(BOMB, JobLimits(processes=10))
    exit, found = place.end()
    assert exit.exit_code == -9
    assert found.problem.startswith("over its limit of processes: it had ")
    assert place.left() == []
    assert [item.problem for item in place.told] == [found.problem]


@pytest.mark.parametrize("code", [WRITER, LOUD], ids=["results", "log"])
def test_a_job_that_writes_too_much_is_ended(place: Place, code: str) -> None:
    place.start(code, JobLimits(output_bytes=10 * MB))
    exit, found = place.end()
    assert exit.exit_code == -9
    assert found.problem.startswith("over its limit of output: it wrote ")
    written = sum(path.stat().st_size for path in Path(place.layout.root).rglob("*") if path.is_file())
    assert 10 * MB < written < 50 * MB


def test_a_job_that_fails_by_itself_is_over_no_limit(place: Place) -> None:
    place.start("import os; os.kill(os.getpid(), 9)", JobLimits(10_000 * MB, 100, 100 * MB))
    exit, found = place.end()
    assert (exit.exit_code, found.problem, found.machine_full) == (-9, "", False)


def test_a_scope_is_asked_for_with_its_limits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if shutil.which("systemd-run") is None or not available():
        _fake_systemd_run(tmp_path, monkeypatch)
    command = ScopeBounds().command(["job", "--x"], JobLimits(100 * MB, 10, 5))
    assert command[1:4] == ["--user", "--scope", "--quiet"]
    assert command[4].startswith("--unit=twophase-job-")
    bounds = ["--property=MemoryMax=100000000", "--property=MemorySwapMax=0", "--property=TasksMax=1024"]
    assert command[5:] == [*bounds, "--", "job", "--x"]


def test_where_the_user_s_systemd_has_gone_a_job_is_watched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "gone"))
    assert ScopeBounds().command(["job"], JobLimits(100 * MB)) == ["job"]


def test_an_attempt_that_a_group_cannot_be_made_for_is_watched_and_that_is_told(tmp_path: Path) -> None:
    place = Place(tmp_path, CgroupBounds(tmp_path / "gone"))
    held: Any = Held(KEY, os.getpid(), b"X=y", JobLimits(processes=10**6))
    assert place.watch.follow(held, OutputMeter(place.layout, 0)).endswith("No such file or directory")
    assert place.watch.leave(KEY) == Aftermath()
    place.close()
