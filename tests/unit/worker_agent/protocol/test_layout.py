"""Where everything is on a worker."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from worker_agent.protocol.layout import (
    StateLayout,
    WorkLayout,
    agent_path,
    attempt_name,
    named_attempt,
    slot_lock_dir,
)

WORK = WorkLayout(Path("/work"))


@pytest.mark.parametrize(
    "key", [("a", 1), ("alpha/lr=1e-3_seed=2", 12), ("base_models/0af1", 3), ("a.1/b.2", 7)]
)
def test_the_name_of_an_attempt_tells_job_and_number(key: tuple[str, int]) -> None:
    assert "/" not in attempt_name(*key)
    assert named_attempt(attempt_name(*key)) == key


@pytest.mark.parametrize("name", ["", "a", "a.", "a.x", ".tmp"])
def test_other_names_are_none_of_an_attempt(name: str) -> None:
    with pytest.raises(ValueError, match="invalid literal"):
        named_attempt(name)


def test_the_socket_has_a_short_name_of_its_own_for_each_run_and_machine() -> None:
    layouts = [StateLayout(Path("/home/u" * 30), host, run) for host in ("a", "b") for run in ("r1", "r2")]
    sockets = {layout.socket for layout in layouts}
    assert len(sockets) == 4
    assert all(len(path.name) <= 32 for path in sockets)
    assert len({path.parent for path in sockets}) == 1


def test_machines_that_share_a_home_do_not_share_state() -> None:
    first, second = (StateLayout(Path("/home/u/.twophase"), host, "r1") for host in ("lab1", "lab2"))
    assert first.root != second.root and first.default_work_dir != second.default_work_dir
    assert {first.spool.parent, first.lock.parent, first.log.parent} == {first.root}


def test_an_agent_is_named_by_its_digest() -> None:
    assert (
        agent_path("~/.twophase/", "ab")
        == agent_path("~/.twophase", "ab")
        == "~/.twophase/agents/agent-ab.pyz"
    )


def test_slots_are_locked_in_one_place_unless_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, place in (("", "/tmp/twophase-slots"), ("/x", "/x")):
        monkeypatch.setenv("TWOPHASE_SLOT_DIR", name)
        monkeypatch.setenv("TMPDIR", "/elsewhere")
        assert slot_lock_dir() == Path(place)


def test_attempts_and_runs_share_no_path() -> None:
    keys = [(run, job, number) for run in ("r1", "r2") for job in ("a", "a/b", "a.1") for number in (1, 11)]
    for place in (WORK.attempt, WORK.checkpoints):
        assert len({str(place(*key)) for key in keys}) == len(keys)
    assert WORK.incoming("r1", "h") != WORK.incoming("r2", "h")


def test_the_attempts_that_are_still_here_are_those_of_all_runs(tmp_path: Path) -> None:
    work = WorkLayout(tmp_path)
    assert list(work.unreleased()) == []
    for run in ("r1", "r2"):
        Path(work.attempt(run, "a/b", 1).root).mkdir(parents=True)
    assert {attempt.root for attempt in work.unreleased()} == {
        work.attempt("r1", "a/b", 1).root,
        work.attempt("r2", "a/b", 1).root,
    }


def test_an_allocation_has_locks_and_a_socket_of_its_own_wherever_its_steps_have_temporary_files(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TMPDIR", "/elsewhere")
    monkeypatch.setattr("tempfile.tempdir", None)
    first, second = (StateLayout(Path("/home/u/.twophase"), seat, "r1", True) for seat in ("hpc.1", "hpc.2"))
    assert first.slot_locks != second.slot_locks
    for path in (first.slot_locks, first.socket):
        assert str(path).startswith(f"/tmp/twophase-{os.getuid()}/")
    assert StateLayout(Path("/s"), "lab1", "r1").slot_locks == slot_lock_dir()
