"""Sessions over a real sshd: broken links, processes, transfers."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from shlex import quote

import pytest

from master.adapters.local_session import LocalSession
from master.adapters.rsync import PARTIAL_DIR
from master.adapters.session import Session
from master.errors import DiskFull, RemoteError, SessionLost, WorkerUnusable
from master.specs import ServerSpec
from tests.integration.ssh_place import PATIENCE_S, Place, await_true, is_running, started, via_jump
from tests.support.needs import UnavailableError, missing
from tests.support.ssh_home import free_port
from tests.support.sshd import LoopbackSshd

pytestmark = pytest.mark.ssh


def test_nothing_that_listens_is_a_lost_session(place: Place) -> None:
    server = replace(place.direct, port=free_port())
    with place.session(server) as session, pytest.raises(SessionLost, match="cannot connect"):
        session.run(["true"])


def test_a_name_that_nobody_knows_is_a_lost_session(place: Place) -> None:
    server = ServerSpec("x", "no-such-host.invalid")
    with place.session(server) as session, pytest.raises(SessionLost, match=r"no-such-host\.invalid"):
        session.run(["true"])


def test_a_server_that_never_greets_is_a_lost_session(place: Place) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        server = replace(place.direct, port=silent.getsockname()[1])
        with place.session(server, connect_timeout_s=0.5) as session, pytest.raises(SessionLost):
            session.run(["true"])


def test_the_socket_answers_at_once_and_notices_silence(place: Place) -> None:
    with place.session() as session, place.session(via_jump(place)) as jumping:
        for each in (session, jumping):
            tcp = each.tcp_socket
            assert tcp is not None
            assert tcp.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 1
            assert tcp.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 20_000


def test_a_lost_link_ends_a_running_command(place: Place) -> None:
    with place.session() as session:
        caught: list[BaseException] = []
        script = "touch begun; until [ -e ended ]; do sleep 0.1; done"
        thread = threading.Thread(target=lambda: caught.append(loss_in(session, script)))
        thread.start()
        await_true(lambda: (place.sshd.home / "begun").exists())
        place.sshd.drop_connections()
        thread.join(PATIENCE_S)
    (place.sshd.home / "ended").touch()
    assert isinstance(caught[0], SessionLost)


def loss_in(session: Session, script: str) -> BaseException:
    with pytest.raises(SessionLost) as caught:
        session.run(["sh", "-c", script], timeout_s=2 * PATIENCE_S)
    return caught.value


def test_more_channels_than_the_server_allows_do_not_break_commands(tmp_path: Path) -> None:
    with started(tmp_path / "ssh", "MaxSessions 2") as sshd, Place(sshd).session() as session:
        session.open_channel(["cat"])
        results: list[int] = []
        threads = [
            threading.Thread(target=lambda: results.append(session.run(["true"]).exit_code)) for _ in range(6)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(PATIENCE_S)
        assert results == [0] * 6
        session.open_channel(["cat"])
        with pytest.raises(RemoteError, match="MaxSessions"):
            session.run(["true"], timeout_s=0.3)


# Processes


@pytest.fixture(params=["local", "ssh"])
def session(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Session]:
    if request.param == "local":
        with LocalSession() as local:
            yield local
        return
    try:
        with LoopbackSshd(tmp_path / "ssh") as sshd, Place(sshd).session() as remote:
            yield remote
    except UnavailableError as reason:
        missing(str(reason))


def test_a_command_that_takes_too_long_is_gone(session: Session, tmp_path: Path) -> None:
    script = f"cd {quote(str(tmp_path))}; sleep 600 & echo $! > child; echo $$ > pid; wait"
    assert session.run(["true"]).exit_code == 0
    with pytest.raises(RemoteError, match="no end"):
        session.run(["sh", "-c", script], timeout_s=2)
    pids = [int((tmp_path / name).read_text()) for name in ("pid", "child")]
    await_true(lambda: not any(is_running(pid) for pid in pids))


@pytest.mark.parametrize("whole_session", [False, True], ids=["channel", "session"])
def test_the_command_of_a_closed_channel_is_gone(
    session: Session, tmp_path: Path, whole_session: bool
) -> None:
    script = f"echo $$ > {quote(str(tmp_path))}/pid; echo ready; exec sleep 600"
    channel = session.open_channel(["sh", "-c", script])
    assert channel.receive() == b"ready\n"
    (session if whole_session else channel).close()
    pid = int((tmp_path / "pid").read_text())
    await_true(lambda: not is_running(pid))


def test_the_command_of_a_closed_session_is_gone_and_its_caller_is_told(
    session: Session, tmp_path: Path
) -> None:
    caught: list[BaseException] = []
    script = f"cd {quote(str(tmp_path))}; echo $$ > pid; touch begun; exec sleep 600"
    thread = threading.Thread(target=lambda: caught.append(loss_in(session, script)))
    thread.start()
    await_true((tmp_path / "begun").exists)
    session.close()
    thread.join(PATIENCE_S)
    assert isinstance(caught[0], SessionLost)
    pid = int((tmp_path / "pid").read_text())
    await_true(lambda: not is_running(pid))


# Files


def shared_logins(place: Place) -> list[Path]:
    """Return the directories of the logins to this sshd that are being shared."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            words = (process / "cmdline").read_text().split("\0")
            if words[0] == "ssh" and "-oControlMaster=yes" in words and str(place.config) in words:
                (control,) = (word.partition("=")[2] for word in words if word.startswith("-oControlPath="))
                found.append(Path(control).parent)
    return found


def test_transfers_share_one_login_and_leave_nothing_behind(place: Place, tmp_path: Path) -> None:
    (tmp_path / "tree").mkdir()
    with place.session() as session:
        for number in range(4):
            session.push(tmp_path / "tree", f"~/copy{number}")
        (ours,) = shared_logins(place)
        assert ours.stat().st_mode & 0o777 == 0o700
    assert place.sshd.log.read_text().count("Accepted publickey") == 2
    assert not ours.exists()
    assert not shared_logins(place)


PUSH = """
import pathlib, sys
from master.adapters.ssh_session import SshSession
from master.specs import ClusterSpec, ServerSpec
config, known_hosts, name, tree = sys.argv[1:]
session = SshSession(ServerSpec(name, name), ClusterSpec((), ssh_config=config, known_hosts=known_hosts))
session.push(pathlib.Path(tree), '~/copy')
print('ready', flush=True)
input()
"""


def push_program(place: Place, tree: Path) -> list[str]:
    """Return the command of a process that pushes a tree, says `ready` and waits."""
    words = [str(place.config), str(place.known_hosts), place.sshd.name, str(tree)]
    return [sys.executable, "-c", PUSH, *words]


def test_the_shared_login_ends_with_the_process_that_made_it(place: Place, tmp_path: Path) -> None:
    (tmp_path / "tree").mkdir()
    argv = push_program(place, tmp_path / "tree")
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as owner:
        assert owner.stdout is not None
        assert owner.stdout.readline() == b"ready\n"
        (left,) = shared_logins(place)
        owner.kill()
    await_true(lambda: not shared_logins(place))
    shutil.rmtree(left)


def test_a_transfer_ends_with_the_process_that_began_it(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "tree").mkdir()
    with (tmp_path / "tree" / "big").open("wb") as big:
        big.write(b"x" * (1 << 26))
    slow_rsync(tmp_path / "bin", monkeypatch)
    copy = place.sshd.home / "copy"
    with subprocess.Popen(push_program(place, tmp_path / "tree"), stdin=subprocess.PIPE) as owner:
        await_true(lambda: any(path.stat().st_size > 1 << 20 for path in copy.glob(".big.*")))
        (left,) = shared_logins(place)
        owner.kill()
    await_true(lambda: not shared_logins(place))
    await_true((copy / PARTIAL_DIR / "big").exists)
    assert not (copy / "big").exists()
    shutil.rmtree(left)


def test_transfers_go_on_alone_when_the_shared_login_is_lost(place: Place, tmp_path: Path) -> None:
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "file").write_text("one")
    with place.session() as session:
        session.push(tmp_path / "tree", "~/copy")
        place.sshd.drop_connections()
    with place.session() as session:
        session.push(tmp_path / "tree", "~/copy")
        assert session.run(["cat", "copy/file"]).stdout == b"one"


def test_a_broken_transfer_is_a_lost_session_and_goes_on_later(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "big").write_bytes(os.urandom(1 << 26))
    copy = place.sshd.home / "copy"
    with place.session() as session, monkeypatch.context() as patched:
        slow_rsync(tmp_path / "bin", patched)
        thread = threading.Thread(target=lambda: caught.append(push_failure(session, tree)))
        caught: list[BaseException] = []
        thread.start()
        await_true(lambda: any(path.stat().st_size > 1 << 20 for path in copy.glob(".big.*")))
        place.sshd.drop_connections()
        thread.join(PATIENCE_S)
    assert isinstance(caught[0], SessionLost), caught
    assert not (copy / "big").exists()
    await_true((copy / PARTIAL_DIR / "big").exists)
    with place.session() as session:
        session.push(tree, "~/copy")
    assert (copy / "big").read_bytes() == (tree / "big").read_bytes()
    assert not (copy / PARTIAL_DIR).exists()


def push_failure(session: Session, tree: Path) -> BaseException:
    with pytest.raises(SessionLost) as caught:
        session.push(tree, "~/copy")
    return caught.value


def fake_rsync(directory: Path, script: str) -> None:
    directory.mkdir()
    (directory / "rsync").write_text(f"#!/bin/sh\n{script}\n")
    (directory / "rsync").chmod(0o755)


def slow_rsync(directory: Path, patched: pytest.MonkeyPatch) -> None:
    """Leave the time to look at a transfer that is under way."""
    fake_rsync(directory, f'exec {shutil.which("rsync")} --bwlimit=8m "$@"')
    patched.setenv("PATH", f"{directory}:{os.environ['PATH']}")


def test_rsync_missing_on_the_head_node_is_named(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "ssh").symlink_to(str(shutil.which("ssh")))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    with place.session() as session, pytest.raises(WorkerUnusable, match="head node: apt-get install rsync"):
        session.push(tmp_path, "~/copy")


def test_rsync_missing_on_the_worker_is_named(tmp_path: Path) -> None:
    with started(tmp_path / "ssh") as sshd, Place(sshd).session() as session:
        (tmp_path / "bin").mkdir()
        (tmp_path / "bin" / "mkdir").symlink_to("/bin/mkdir")
        (sshd.home / ".bashrc").write_text(f"PATH={quote(str(tmp_path))}/bin\n")
        with pytest.raises(WorkerUnusable, match="worker: apt-get install rsync"):
            session.push(tmp_path / "ssh", "~/copy")


def test_startup_files_that_print_are_named(tmp_path: Path) -> None:
    with started(tmp_path / "ssh") as sshd, Place(sshd).session() as session:
        (sshd.home / ".bashrc").write_text("echo Welcome to the lab\n")
        with pytest.raises(WorkerUnusable, match="startup files"):
            session.push(tmp_path / "ssh", "~/copy")


def test_a_full_disk_is_named(place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    words = 'rsync: [receiver] write failed on "/x": No space left on device (28)'
    fake_rsync(tmp_path / "bin", f"echo '{words}' >&2; exit 11")
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:{os.environ['PATH']}")
    with place.session() as session, pytest.raises(DiskFull, match="the disk is full"):
        session.push(tmp_path / "bin", "~/copy")


def test_closing_the_session_ends_a_transfer(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_rsync(tmp_path / "bin", f"echo $$ > {quote(str(tmp_path))}/pid; exec sleep 600")
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:{os.environ['PATH']}")
    with place.session() as session:
        caught: list[BaseException] = []
        thread = threading.Thread(target=lambda: caught.append(push_failure(session, tmp_path / "bin")))
        thread.start()
        await_true(lambda: (tmp_path / "pid").exists() and bool((tmp_path / "pid").read_text()))
        session.close()
        thread.join(PATIENCE_S)
    assert isinstance(caught[0], SessionLost)
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), signal.SIG_DFL)
