"""Machines whose directories lie on one disk: one copy serves all of them."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from tests.integration.agent_harness import Host
from tests.integration.ssh_place import started
from tests.support.runs import SCRIPTS, Run
from worker_agent.protocol import messages as msg
from worker_agent.protocol.artefacts.fetching import Fetch, Fetched, FetchFailed
from worker_agent.protocol.layout import StateLayout

ELSEWHERE = """
import runpy, socket, sys
socket.gethostname = lambda: {host!r}
at = next((index for index, word in enumerate(sys.argv) if word.endswith('.pyz')), 0)
sys.argv = sys.argv[at:]
runpy.run_path(sys.argv[0], run_name='__main__')
"""
WRAPPER = """#!/bin/sh
case "$*" in
*.pyz\\ connect*) exec {python} -c "$(cat {program})" "$@" ;;
*) exec {python} "$@" ;;
esac
"""


class Elsewhere(Host):
    """Another machine with the same home directory."""

    name = "lab2"

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        call = f"import socket, sys; socket.gethostname = lambda: {self.name!r}; "
        self.program = ["-c", f"{call}from worker_agent.__main__ import main; sys.exit(main())"]

    def layout(self, run_id: str = "r1") -> StateLayout:
        return StateLayout(self.state_dir, self.name, run_id)


def test_an_agent_takes_from_its_disk_what_the_agent_of_another_machine_has(
    host: Host, tmp_path: Path
) -> None:
    there = Elsewhere(tmp_path)
    there.state_dir, there.env = host.state_dir, host.env
    try:
        first, second = host.connect(), there.connect()
        disk = first.welcome.facts.disk
        assert len(disk) == 32 and second.welcome.facts.disk == disk
        assert first.welcome.work_dir != second.welcome.work_dir
        name = host.deliver({"data.txt": "d"})
        second.send(Fetch(name))
        failed = second.wait(lambda item: isinstance(item, FetchFailed))
        assert failed.problem == "no other cache on its disk has it"
        first.send(msg.Delivered(name))
        first.send(Fetch(name))
        assert first.wait(lambda item: isinstance(item, Fetched)).source == "here"
        second.launch("a", "print(open('in/data.txt').read())", mounts=[{"at": "in", "artefact": name}])
        second.wait(lambda item: isinstance(item, msg.Wanted))
        second.send(Fetch(name))
        assert second.wait(lambda item: isinstance(item, Fetched)).source == "disk"
        assert second.finished("a").outcome == "succeeded"
        ours, theirs = host.work().cached(name) / "data.txt", there.work().cached(name) / "data.txt"
        assert ours.stat().st_ino == theirs.stat().st_ino
    finally:
        there.close()


def wrapper(folder: Path, host: str) -> str:
    """Make a Python whose agents believe to be on another machine."""
    folder.mkdir(exist_ok=True)
    program, python = folder / f"{host}.py", folder / f"python-{host}"
    program.write_text(ELSEWHERE.format(host=host))
    python.write_text(WRAPPER.format(python=sys.executable, program=program))
    python.chmod(0o700)
    return str(python)


@pytest.mark.ssh
def test_in_a_run_one_copy_serves_both_workers_of_a_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    script, meet = tmp_path / "code" / "train.py", tmp_path / "meet"
    script.parent.mkdir()
    meet.mkdir()
    shutil.copy(SCRIPTS / "train_together.py", script)
    usual = {"gpus": 0, "cpu_slots": 1, "state_dir": str(tmp_path / "state")}
    jobs = {
        "base_model": {"include": ["seed"]},
        "jobs": [{"seed": 1, "meet": str(meet), "id": f"j{number}"} for number in (1, 2)],
    }
    with started(tmp_path / "ssh") as sshd:
        pythons = [wrapper(tmp_path / "bin", host) for host in ("lab1", "lab2")]
        servers = [
            {"host": host, "python": python, **usual}
            for host, python in zip(("localhost", sshd.name), pythons, strict=True)
        ]
        run = Run(
            *(tmp_path / "run", servers, jobs, script, sshd.client.files),
            env={"TWOPHASE_SLOT_DIR": str(tmp_path / "slots"), "TWOPHASE_AGENT_IDLE_S": "20"},
        )
        ended = run.finish()
    told = ended.stdout + ended.stderr
    assert ended.returncode == 0, told
    assert sorted(path.name for path in meet.iterdir()) == ["alpha,j1", "alpha,j2"], told
    assert "sent base model" not in told and told.count("took base model") == 1, told
    caches = list((tmp_path / "state").glob("*/work/cache/*/model.bin"))
    assert len(caches) == 2 and len({path.stat().st_ino for path in caches}) == 1
