"""Which control group can be ours, and what its files say.  A folder stands in for the kernel's."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from worker_agent.core.excess import Aftermath
from worker_agent.limits import cgroups
from worker_agent.limits.base import Held
from worker_agent.limits.cgroups import CgroupBounds, Group, find_parent, own_group
from worker_agent.limits.process_table import ProcessTable, Row
from worker_agent.protocol.terms import JobLimits

LIMITS = JobLimits(memory_bytes=100_000_000, processes=10)
FILES = ("cgroup.procs", "memory.max", "memory.oom.group", "memory.swap.max", "pids.max")


class Kernel:
    """A tree of groups, and a process in one of them."""

    def __init__(self, root: Path, place: str) -> None:
        self.proc, self.mount = root / "proc", root / "cgroup"
        self.proc.mkdir()
        (self.proc / "mountinfo").write_text(
            f"24 1 0:21 / /proc rw - proc proc rw\n30 24 0:26 / {self.mount} rw,nosuid - cgroup2 cgroup2 rw\n"
        )
        (self.proc / "cgroup").write_text(f"4:memory:/old\n0::{place}\n")

    def group(self, place: str, controllers: str = "", counted: str = "", pids: str = "") -> Path:
        folder = self.mount / place
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "cgroup.procs").write_text(pids)
        (folder / "cgroup.controllers").write_text(controllers)
        (folder / "cgroup.subtree_control").write_text(counted)
        return folder


def test_the_group_beside_ours_is_taken_where_it_counts_what_is_needed(tmp_path: Path) -> None:
    kernel = Kernel(tmp_path, "/user.slice/session-1.scope")
    above = kernel.group("user.slice", counted="cpu memory pids")
    kernel.group("user.slice/session-1.scope", "cpu memory pids")
    assert own_group(kernel.proc) == above / "session-1.scope"
    assert find_parent(proc=kernel.proc) == above


def test_a_group_that_is_ours_alone_is_made_room_in(tmp_path: Path) -> None:
    kernel = Kernel(tmp_path, "/service")
    kernel.group("")
    own = kernel.group("service", "memory pids", pids=f"{os.getpid()}\n")
    (own / "twophase-agent").mkdir()
    (own / "twophase-agent" / "cgroup.procs").write_text("")
    assert find_parent(proc=kernel.proc, changes_nothing=True) == own
    assert (own / "twophase-agent" / "cgroup.procs").read_text() == ""
    assert find_parent(proc=kernel.proc) == own
    assert (own / "twophase-agent" / "cgroup.procs").read_text() == str(os.getpid())
    assert (own / "cgroup.subtree_control").read_text() == "+memory +pids"


@pytest.mark.parametrize(
    ("controllers", "pids"), [("cpu pids", ""), ("memory pids", "1\n2\n")], ids=["not counted", "of others"]
)
def test_otherwise_there_is_none(tmp_path: Path, controllers: str, pids: str) -> None:
    kernel = Kernel(tmp_path, "/service")
    kernel.group("")
    kernel.group("service", controllers, pids=pids)
    assert find_parent(proc=kernel.proc) is None
    assert find_parent(proc=kernel.proc, changes_nothing=True) is None


def test_where_there_is_no_version_2_there_is_none(tmp_path: Path) -> None:
    kernel = Kernel(tmp_path, "/x")
    (kernel.proc / "mountinfo").write_text(
        "30 24 0:26 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
    )
    assert own_group(kernel.proc) is None and find_parent(proc=kernel.proc) is None
    assert find_parent(proc=tmp_path / "gone") is None


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return where the group of an attempt is made, with the files that a kernel would put there."""
    folder = tmp_path / "parent"
    folder.mkdir()
    mkdir = Path.mkdir

    def with_files(self: Path) -> None:
        mkdir(self)
        for name in FILES:
            (self / name).write_text("")

    monkeypatch.setattr(Path, "mkdir", with_files)
    monkeypatch.setattr(cgroups, "group_of", lambda pid: None)
    monkeypatch.setattr(ProcessTable, "read", lambda: ProcessTable({77: Row(1, 77)}))
    return folder


def test_a_group_has_the_limits_before_the_job_is_in_it(made: Path) -> None:
    CgroupBounds(made).hold(Held(("a", 1), 77, b"", LIMITS))
    (group,) = made.iterdir()
    assert group.name == f"twophase-job-{os.getpid()}-1"
    told = {name: (group / name).read_text() for name in FILES}
    assert told == {
        "cgroup.procs": "77",
        "memory.max": "100000000",
        "memory.oom.group": "1",
        "memory.swap.max": "0",
        "pids.max": "1024",
    }


def test_what_a_job_has_started_before_it_was_in_its_group_follows_it_there(
    made: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    moved = list[int]()
    rows = {77: Row(1, 77), 78: Row(77, 77), 79: Row(78, 79), 99: Row(1, 99)}

    def admit(group: Group, pid: int) -> None:
        moved.append(pid)
        if pid == 78:
            rows[80] = Row(78, 77)
        if pid == 79:
            raise ProcessLookupError

    monkeypatch.setattr(ProcessTable, "read", lambda: ProcessTable(dict(rows)))
    monkeypatch.setattr(Group, "admit", admit)
    monkeypatch.setattr(Group, "_pids", lambda group: moved)
    CgroupBounds(made).hold(Held(("a", 1), 77, b"X=y", LIMITS))
    assert (moved[0], sorted(moved)) == (77, [77, 78, 79, 80])


def test_what_will_not_follow_is_not_asked_for_ever(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    moved = list[int]()
    monkeypatch.setattr(Group, "admit", lambda group, pid: moved.append(pid))
    CgroupBounds(made).hold(Held(("a", 1), 77, b"X=y", LIMITS))
    assert moved == [77] * 4


@pytest.mark.parametrize("inside", [True, False], ids=["an agent within a job", "an agent of its own"])
def test_the_group_that_an_agent_is_in_itself_is_no_job_of_its(
    made: Path, monkeypatch: pytest.MonkeyPatch, inside: bool
) -> None:
    outer = made.parent / "twophase-job-1-1"
    groups = {77: outer, os.getpid(): outer if inside else made}
    monkeypatch.setattr(cgroups, "group_of", groups.get)
    assert cgroups.job_group_of(77) == (None if inside else outer)
    CgroupBounds(made).hold(Held(("a", 1), 77, b"X=y", LIMITS))
    assert len(list(made.iterdir())) == inside


def test_threads_are_bounded_far_above_processes(made: Path) -> None:
    CgroupBounds(made).hold(Held(("a", 1), 77, b"", JobLimits(processes=100)))
    (group,) = made.iterdir()
    assert ((group / "pids.max").read_text(), (group / "memory.max").read_text()) == ("6400", "")


@pytest.mark.parametrize(
    ("events", "found"),
    [
        ("low 0\noom 0\noom_kill 0", Aftermath()),
        ("low 0\noom 0\noom_kill 1", Aftermath(machine_full=True)),
    ],
)
def test_the_kernel_tells_a_full_machine_from_a_limit(tmp_path: Path, events: str, found: Aftermath) -> None:
    (tmp_path / "memory.events").write_text(events)
    assert Group(tmp_path, LIMITS).release(killed=True) == found


def test_who_has_no_limit_of_memory_may_have_filled_the_machine_itself(tmp_path: Path) -> None:
    (tmp_path / "memory.events").write_text("low 0\noom 0\noom_kill 1")
    assert Group(tmp_path, JobLimits(processes=5)).release(killed=True) == Aftermath()


def test_what_the_kernel_refused_is_over_the_limit(tmp_path: Path) -> None:
    (tmp_path / "memory.events").write_text("low 0\noom 1\noom_kill 3\n")
    (tmp_path / "memory.current").write_text("98000000\n")
    (tmp_path / "cgroup.procs").write_text("5\n6\n")
    usage = Group(tmp_path, LIMITS).usage(lambda: pytest.fail("the kernel knows"))
    assert (usage.memory_bytes, usage.processes, usage.denied_memory) == (98_000_000, 2, True)
    (tmp_path / "cgroup.procs").write_text("")
    found = Group(tmp_path, LIMITS).release(killed=True)
    assert found.problem.startswith("over its limit of memory") and not found.machine_full


def test_empty_groups_of_agents_that_are_gone_are_removed(tmp_path: Path) -> None:
    for owner in (2**22 + 1, os.getpid()):
        (tmp_path / f"twophase-job-{owner}-1").mkdir()
    CgroupBounds(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [f"twophase-job-{os.getpid()}-1"]
