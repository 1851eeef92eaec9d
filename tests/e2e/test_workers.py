"""The container workers hold what the end-to-end tests rely on."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import docker
import pytest

from tests.e2e import containers, image
from tests.e2e.cluster import wait_for
from tests.e2e.containers import Lab, Worker
from tests.support.ssh_home import make_key

pytestmark = pytest.mark.containers

Result = subprocess.CompletedProcess[str]


def ssh(lab: Lab, worker: Worker, *command: str) -> Result:
    argv = lab.client.ssh_argv(worker.name, *command)
    return subprocess.run(argv, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=60)


def test_each_worker_lets_its_own_user_in(lab: Lab, three_workers: list[Worker]) -> None:
    answers = [ssh(lab, worker, "whoami; hostname; pwd").stdout.split() for worker in three_workers]
    assert answers == [
        ["worker", "worker-1", "/home/worker"],
        ["worker", "worker-2", "/home/worker"],
        ["other", "worker-3", "/srv/other"],
    ]
    assert [worker.home for worker in three_workers] == [home for _, _, home in answers]


def test_sshd_listens_on_another_port_for_the_other_user(three_workers: list[Worker]) -> None:
    published = [list(worker.container.attrs["HostConfig"]["PortBindings"]) for worker in three_workers]
    assert published == [["22/tcp"], ["22/tcp"], ["2222/tcp"]]


def test_a_changed_host_key_is_refused(lab: Lab, tmp_path: Path) -> None:
    worker = lab.start("worker-1")
    worker.wait_ready()
    forged = make_key(tmp_path / "forged").with_suffix(".pub").read_text()
    lab.client.trust(worker.port, forged)
    result = ssh(lab, worker, "true")
    assert result.returncode == 255
    assert "REMOTE HOST IDENTIFICATION HAS CHANGED" in result.stderr


def test_rsync_copies_over_ssh(lab: Lab, tmp_path: Path) -> None:
    worker = lab.start("worker-1")
    worker.wait_ready()
    (tmp_path / "model.bin").write_bytes(bytes(range(256)) * 4096)
    shell = f"ssh -F {lab.client.config}"
    there = f"{worker.name}:model.bin"
    for source, target in [(tmp_path / "model.bin", there), (there, tmp_path / "back.bin")]:
        subprocess.run(["rsync", "-e", shell, str(source), str(target)], check=True, timeout=60)
    assert (tmp_path / "back.bin").read_bytes() == (tmp_path / "model.bin").read_bytes()


@pytest.mark.parametrize("user", ["worker", "other"])
def test_the_interpreter_of_the_tests_computes_on_a_worker(lab: Lab, user: str) -> None:
    worker = lab.start("worker-1", user=user)
    worker.wait_ready()
    code = "import ssl, sqlite3, numpy, torch; print(float(torch.from_numpy(numpy.ones(3)).sum()))"
    result = ssh(lab, worker, f"{worker.python} -W error::ImportWarning -c '{code}'")
    assert (result.stdout, result.returncode) == ("3.0\n", 0), result.stderr


def test_a_process_outlives_its_ssh_session(lab: Lab) -> None:
    worker = lab.start("worker-1")
    worker.wait_ready()
    pid = ssh(lab, worker, "setsid sleep 600 >/dev/null 2>&1 </dev/null & echo $!").stdout.strip()
    command = ["cat", f"/proc/{pid}/comm"]
    # The session may end before the process has become what it is to be.
    wait_for("the process", lambda: worker.exec(command).stdout in ("sleep\n", ""))
    assert worker.exec(command).stdout == "sleep\n"


def test_a_killed_worker_comes_back_as_itself(lab: Lab) -> None:
    worker = lab.start("worker-1")
    worker.wait_ready()
    ssh(lab, worker, "echo kept > kept; setsid sleep 600 >/dev/null 2>&1 </dev/null &")
    worker.kill()
    assert ssh(lab, worker, "true").returncode == 255
    worker.restart()
    result = ssh(lab, worker, "cat kept; pgrep -c sleep")
    assert result.stdout.split() == ["kept", "0"], result.stderr


def test_an_unplugged_worker_works_on_and_is_found_again(lab: Lab) -> None:
    worker = lab.start("worker-1")
    worker.wait_ready()
    pid = ssh(lab, worker, "setsid sleep 600 >/dev/null 2>&1 </dev/null & echo $!").stdout.strip()
    with open_session(lab, worker) as session:
        worker.disconnect()
        assert session.wait(timeout=30) == 255
    assert ssh(lab, worker, "true").returncode == 255
    worker.reconnect()
    assert ssh(lab, worker, f"cat /proc/{pid}/comm").stdout == "sleep\n"


@pytest.mark.parametrize(("silence", "undo"), [("pause", "unpause"), ("mute", "unmute")])
def test_a_silent_worker_keeps_its_connections(lab: Lab, silence: str, undo: str) -> None:
    worker = lab.start("worker-1")
    worker.wait_ready()
    with open_session(lab, worker) as session:
        assert session.stdin is not None and session.stdout is not None
        getattr(worker, silence)()
        session.stdin.write(b"again\n")
        session.stdin.flush()
        with pytest.raises(subprocess.TimeoutExpired):
            session.wait(timeout=2)
        getattr(worker, undo)()
        assert session.stdout.readline() == b"again\n"
        session.stdin.close()
        assert session.wait(timeout=30) == 0


@contextmanager
def open_session(lab: Lab, worker: Worker) -> Iterator[subprocess.Popen[bytes]]:
    """Yield an `ssh worker cat` that has echoed once."""
    argv = lab.client.ssh_argv(worker.name, "cat")
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as session:
        try:
            assert session.stdin is not None and session.stdout is not None
            session.stdin.write(b"hello\n")
            session.stdin.flush()
            assert session.stdout.readline() == b"hello\n"
            yield session
        finally:
            session.kill()


def test_files_are_put_for_the_worker_s_user(lab: Lab) -> None:
    worker = lab.start("worker-1", user="other")
    worker.wait_ready()
    worker.put("/srv/other/tool", b"#!/bin/sh\necho made\n", mode=0o755)
    assert worker.exec(["./tool"]).stdout == "made\n"
    assert worker.exec(["stat", "-c", "%U", "tool"]).stdout == "other\n"


def test_a_failing_command_tells_its_code_and_streams(lab: Lab) -> None:
    worker = lab.start("worker-1")
    result = worker.exec(["sh", "-c", "echo out; echo bad >&2; exit 3"])
    assert (result.exit_code, result.stdout, result.stderr) == (3, "out\n", "bad\n")


def test_the_image_is_built_once(docker_engine: docker.DockerClient, worker_image: str) -> None:
    before = docker_engine.images.get(worker_image).id
    again = image.worker_image(docker_engine)
    assert docker_engine.images.get(again).id == before


def test_left_over_containers_are_removed(docker_engine: docker.DockerClient, worker_image: str) -> None:
    with subprocess.Popen(["true"]) as ended:
        pass
    pids = {"left": ended.pid, "own": os.getpid(), "of a live process": os.getppid()}
    created = {
        name: docker_engine.containers.create(worker_image, labels={containers.OWNER: str(pid)})
        for name, pid in pids.items()
    }
    try:
        containers.remove_left_overs(docker_engine)
        there = {each.id for each in docker_engine.containers.list(all=True)}
        assert [name for name, each in created.items() if each.id in there] == ["of a live process"]
    finally:
        created["of a live process"].remove()


def test_left_over_networks_and_volumes_are_removed(docker_engine: docker.DockerClient) -> None:
    with subprocess.Popen(["true"]) as ended:
        pass
    label = {containers.OWNER: str(ended.pid)}
    name = f"twophase-{ended.pid}-left"
    network = docker_engine.networks.create(name, labels=label)
    volume = docker_engine.volumes.create(name, labels=label)
    containers.remove_left_overs(docker_engine)
    assert network.id not in {each.id for each in docker_engine.networks.list()}
    assert volume.id not in {each.id for each in docker_engine.volumes.list()}
