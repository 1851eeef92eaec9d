"""Workers take a base model from each other over SSH, also where one is killed in the middle."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.integration.ssh_place import started
from tests.support.needs import missing
from tests.support.runs import Run
from worker_agent.peers.addresses import own_addresses

BYTES = 13 << 20
SCRIPT = f"""
import argparse, hashlib, os, pathlib, time
flags = argparse.ArgumentParser()
for name in ("seed", "mode", "meet"):
    flags.add_argument("--" + name)
job = flags.parse_args()
model = pathlib.Path(os.environ["TWOPHASE_BASE_MODEL_DIR"]) / "model.bin"
if os.environ["TWOPHASE_PHASE"] == "1":
    time.sleep(0.6)  # jobs of no time are given out in advance
    model.write_bytes(bytes(range(256)) * ({BYTES} // 256))
else:
    assert model.read_bytes() == bytes(range(256)) * ({BYTES} // 256)
    meet = pathlib.Path(job.meet)
    (meet / os.environ["TWOPHASE_JOB_ID"].replace("/", ",")).touch()
    until = time.monotonic() + 60
    while len(list(meet.iterdir())) < 2 and time.monotonic() < until:
        time.sleep(0.02)
"""
WATCHED = """
import os, pathlib, runpy, signal, socket, ssl, sys
notes = pathlib.Path({notes!r})

def listen(self, *args, listen=socket.socket.listen):
    if self.family in (socket.AF_INET, socket.AF_INET6):
        (notes / "listened").touch()
    return listen(self, *args)

sent = [0]

def dying(method):
    def send(self, data, *args):
        said = method(self, data, *args)
        sent[0] += len(data)
        if sent[0] > {most}:
            (notes / "killed").touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return said
    return send

socket.socket.listen = listen
ssl.SSLSocket.send, ssl.SSLSocket.sendall = dying(ssl.SSLSocket.send), dying(ssl.SSLSocket.sendall)
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


def watched_python(folder: Path, most: int) -> str:
    """Make a Python whose agents note that they listen, and die once they have sent so many bytes by TLS."""
    folder.mkdir()
    program, python = folder / "agent.py", folder / "python"
    program.write_text(WATCHED.format(notes=str(folder), most=most))
    python.write_text(WRAPPER.format(python=sys.executable, program=program))
    python.chmod(0o700)
    return str(python)


def told_by_a_run(tmp_path: Path, *, peers: bool, most: int = 1 << 40) -> str:
    """Run two jobs of one base model on two workers with a disk each; return what the command said."""
    if not own_addresses():
        missing("an address at which other machines could reach this one")
    script, meet = tmp_path / "code" / "train.py", tmp_path / "meet"
    script.parent.mkdir()
    meet.mkdir()
    script.write_text(SCRIPT)
    python = watched_python(tmp_path / "bin", most)
    usual = {"gpus": 0, "cpu_slots": 1, "python": python}
    jobs = {
        "base_model": {"include": ["seed"]},
        "jobs": [{"seed": 1, "meet": str(meet), "id": f"j{number}"} for number in (1, 2)],
    }
    with started(tmp_path / "ssh") as sshd:
        servers = [
            {"host": host, "state_dir": str(tmp_path / f"state-{number}"), **usual}
            for number, host in enumerate(("localhost", sshd.name))
        ]
        run = Run(
            *(tmp_path / "run", servers, jobs, script),
            cluster={**sshd.client.files, **({"peers": True} if peers else {})},
            env={"TWOPHASE_SLOT_DIR": str(tmp_path / "slots"), "TWOPHASE_AGENT_IDLE_S": "20"},
        )
        ended = run.finish()
    told = ended.stdout + ended.stderr
    assert ended.returncode == 0, told
    assert sorted(path.name for path in meet.iterdir()) == ["alpha,j1", "alpha,j2"], told
    return told


@pytest.mark.ssh
def test_the_second_worker_takes_the_base_model_from_the_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    told = told_by_a_run(tmp_path, peers=True)
    assert told.count("took base model") == 1 and "sent base model" not in told, told
    assert (tmp_path / "bin" / "listened").exists()


@pytest.mark.ssh
def test_without_peers_nobody_listens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    told = told_by_a_run(tmp_path, peers=False)
    assert told.count("sent base model") == 1 and "took base model" not in told, told
    assert not (tmp_path / "bin" / "listened").exists()


@pytest.mark.ssh
def test_a_peer_that_is_killed_in_the_middle_costs_seconds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    told = told_by_a_run(tmp_path, peers=True, most=6 << 20)
    assert (tmp_path / "bin" / "killed").exists(), told
    assert told.count("localhost: does not pass a base model on to loopback") == 1, told
    assert told.count("sent base model") + told.count("took base model") == 1, told
