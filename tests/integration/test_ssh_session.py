"""Sessions over a real sshd: configuration, keys, refusals, broken links."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from shlex import quote

import pytest

from master.adapters.local_session import LocalSession
from master.adapters.rsync import PARTIAL_DIR
from master.adapters.session import Session
from master.adapters.ssh_session import SshSession
from master.errors import RemoteError, SessionLost, WorkerUnusable
from master.specs import ClusterSpec, ServerSpec
from tests.support.needs import UnavailableError, missing
from tests.support.ssh_home import free_port, make_key
from tests.support.sshd import LoopbackSshd

pytestmark = pytest.mark.ssh

PATIENCE_S = 30
"""Long enough for any machine; a test that waits for it has failed."""


class Place:
    """An sshd whose client files a test may spoil."""

    def __init__(self, sshd: LoopbackSshd) -> None:
        self.sshd, self.user = sshd, sshd.user
        files = sshd.client
        self.config, self.known_hosts, self.key = files.config, files.known_hosts, files.key
        self.cluster = ClusterSpec((), ssh_config=str(self.config), known_hosts=str(self.known_hosts))
        self.server = ServerSpec(sshd.name, sshd.name)
        self.direct = ServerSpec("direct", "127.0.0.1", sshd.user, sshd.port, str(files.key))

    def session(self, server: ServerSpec | None = None, *, connect_timeout_s: float = 15) -> SshSession:
        return SshSession(server or self.server, self.cluster, connect_timeout_s=connect_timeout_s)

    def says(self, server: ServerSpec | None = None) -> str:
        """Return what a session's first command says of the worker."""
        with self.session(server) as session:
            return session.run(["printf", "%s", "it works"]).stdout.decode()

    def refusal(self, server: ServerSpec | None = None) -> str:
        """Return why a worker is of no use."""
        with self.session(server) as session, pytest.raises(WorkerUnusable) as caught:
            session.run(["true"])
        return str(caught.value)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "nobody"))
    with started(tmp_path / "ssh") as sshd:
        yield Place(sshd)


@contextlib.contextmanager
def started(directory: Path, options: str = "") -> Iterator[LoopbackSshd]:
    try:
        with LoopbackSshd(directory, options) as sshd:
            yield sshd
    except UnavailableError as reason:
        missing(str(reason))


def await_true(check: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE_S
    while not check():
        assert time.monotonic() < end
        time.sleep(0.02)


def is_running(pid: int) -> bool:
    with contextlib.suppress(FileNotFoundError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


# Configuration


def test_an_alias_and_a_plain_host_reach_the_worker(place: Place) -> None:
    assert place.says() == "it works"
    assert place.says(place.direct) == "it works"


def test_the_cluster_config_overrides_the_alias(place: Place) -> None:
    wrong = (
        f"Host wrong\n  HostName 127.0.0.1\n  Port {free_port()}\n  User no-one\n  IdentityFile /nowhere\n"
    )
    place.config.write_text(wrong)
    server = ServerSpec("wrong", "wrong", place.user, place.sshd.port, str(place.key))
    assert place.says(server) == "it works"


def test_included_files_and_match_blocks_count(place: Place) -> None:
    (place.config.parent / "more").write_text(place.config.read_text().replace(place.sshd.name, "included"))
    lines = (
        "Match originalhost second",
        "HostName 127.0.0.1",
        f"Port {place.sshd.port}",
        f'IdentityFile "{place.key}"',
    )
    place.config.write_text("\n".join((f'Include "{place.config.parent}/more"', *lines, "")))
    assert place.says(ServerSpec("included", "included")) == "it works"
    assert place.says(ServerSpec("second", "second", place.user)) == "it works"


def via_jump(place: Place, *extra: str) -> ServerSpec:
    lines = (
        "Host inner",
        "  HostName localhost",
        f"  Port {place.sshd.port}",
        f"  ProxyJump {place.sshd.name}",
    )
    place.config.write_text("\n".join((*lines, *extra, place.config.read_text())))
    line = next(iter(place.known_hosts.read_text().splitlines())).split(maxsplit=1)[1]
    with place.known_hosts.open("a") as known:
        known.write(f"[localhost]:{place.sshd.port} {line}\n")
    return ServerSpec("inner", "inner")


def test_a_jump_host_is_passed_for_commands_and_files(place: Place, tmp_path: Path) -> None:
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "file").write_text("content")
    with place.session(via_jump(place)) as session:
        assert session.run(["printenv", "SSH_CONNECTION"]).stdout.split()[2] in (b"127.0.0.1", b"::1")
        session.push(tmp_path / "tree", "~/copy")
        session.pull("~/copy", tmp_path / "back")
    assert (tmp_path / "back" / "file").read_text() == "content"
    log = place.sshd.log.read_text()
    assert log.count("Accepted publickey") == 4, "two hops for commands, two for files, and no more"


def test_a_jump_host_is_as_strictly_checked(place: Place) -> None:
    server = via_jump(place)
    lines = [line for line in place.known_hosts.read_text().splitlines() if line.startswith("[localhost]")]
    place.known_hosts.write_text("\n".join(lines) + "\n")
    assert "the host key is not in" in place.refusal(server)


def test_a_jump_host_that_cannot_reach_the_worker_is_a_lost_session(place: Place) -> None:
    server = replace(via_jump(place), port=free_port())
    with place.session(server) as session, pytest.raises(SessionLost, match="jump host cannot reach"):
        session.run(["true"])


def test_jump_hosts_in_a_circle_are_refused(place: Place) -> None:
    place.config.write_text("Host a\n  ProxyJump b\nHost b\n  ProxyJump a\n")
    assert "circle" in place.refusal(ServerSpec("a", "a"))


def test_a_proxy_command_is_used(place: Place) -> None:
    relay = "import os,socket,sys,threading as t;s=socket.create_connection((sys.argv[1],int(sys.argv[2])));"
    (place.config.parent / "relay.py").write_text(
        relay.replace(";", "\n") + "def up():\n"
        "    while d := os.read(0, 65536): s.sendall(d)\n"
        "t.Thread(target=up, daemon=True).start()\n"
        "while d := s.recv(65536): os.write(1, d)\n"
    )
    command = f"ProxyCommand {quote(sys.executable)} {quote(str(place.config.parent))}/relay.py %h %p"
    place.config.write_text(f"Host {place.sshd.name}\n  {command}\n{place.config.read_text()}")
    with place.session() as session:
        assert session.run(["echo", "through"]).stdout == b"through\n"
        assert session.tcp_socket is None


def test_a_wrong_ssh_config_is_explained(place: Place) -> None:
    place.config.write_text("Host x\n  NoSuchOption yes\n")
    assert "nosuchoption" in place.refusal().lower()


def test_an_ssh_config_that_does_not_exist_is_named(place: Place) -> None:
    place.config.unlink()
    assert str(place.config) in place.refusal()


# Host keys


def test_an_unknown_host_key_is_shown_with_the_command_that_accepts_it(place: Place) -> None:
    place.known_hosts.write_text("")
    story = place.refusal(place.direct)
    assert fingerprint(place.sshd) in story
    command = f"ssh-keyscan -p {place.sshd.port} 127.0.0.1 >> {quote(str(place.known_hosts))}"
    assert command in story
    subprocess.run(command, shell=True, check=True, capture_output=True)  # noqa: S602
    assert place.says(place.direct) == "it works"


def test_a_changed_host_key_shows_both_and_how_to_replace_it(place: Place) -> None:
    other = make_key(place.config.parent / "other-host-key").with_suffix(".pub").read_text()
    place.sshd.client.trust(place.sshd.port, other)
    story = place.refusal(place.direct)
    assert "CHANGED" in story
    assert len(set(re.findall(r"SHA256:[\w+/]{43}", story))) == 2
    command = next(line for line in story.splitlines() if "ssh-keygen" in line)
    subprocess.run(command, shell=True, check=True, capture_output=True)  # noqa: S602
    assert place.says(place.direct) == "it works"


def test_hashed_names_and_patterns_in_known_hosts_count(place: Place) -> None:
    argv = ["ssh-keygen", "-q", "-H", "-f", str(place.known_hosts)]
    subprocess.run(argv, check=True, capture_output=True)
    assert place.known_hosts.read_text().startswith("|1|")
    assert place.says(place.direct) == "it works"
    key = " ".join(place.sshd.host_key.split()[:2])
    place.known_hosts.write_text(f"[127.0.*]:* {key}\n")
    assert place.says(place.direct) == "it works"
    place.known_hosts.write_text(f"[127.0.*]:* {key}\n@revoked * {key}\n")
    assert "revoked" in place.refusal(place.direct)


def fingerprint(sshd: LoopbackSshd) -> str:
    listed = subprocess.run(
        ["ssh-keygen", "-lf", "-"], input=sshd.host_key, capture_output=True, text=True, check=True
    )
    return listed.stdout.split()[1]


# Logging in


def test_a_refused_key_tells_which_keys_were_tried(place: Place, tmp_path: Path) -> None:
    stranger = make_key(tmp_path / "stranger")
    place.config.write_text("")
    story = place.refusal(replace(place.direct, ssh_key=str(stranger)))
    assert f"({stranger})" in story
    assert f"ssh-copy-id -i {stranger} -p {place.sshd.port} {place.user}@127.0.0.1" in story


def test_a_key_that_does_not_exist_is_named(place: Place) -> None:
    assert "/no/such/key does not exist" in place.refusal(replace(place.direct, ssh_key="/no/such/key"))


def test_a_key_with_a_passphrase_needs_the_agent(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    locked = tmp_path / "locked"
    shutil.copy(place.key, locked)
    shutil.copy(f"{place.key}.pub", f"{locked}.pub")
    place.config.write_text("")
    server = replace(place.direct, ssh_key=str(locked))
    with ssh_agent(tmp_path, monkeypatch):
        subprocess.run(["ssh-add", "-q", str(locked)], check=True, capture_output=True)
        subprocess.run(
            ["ssh-keygen", "-q", "-p", "-N", "hidden", "-f", str(locked)], check=True, capture_output=True
        )
        assert place.says(server) == "it works"
    story = place.refusal(server)
    assert f"ssh-add {locked}" in story
    assert "hidden" not in story


@contextlib.contextmanager
def ssh_agent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    address = tmp_path / "agent"
    agent = subprocess.Popen(["ssh-agent", "-D", "-a", str(address)], stdout=subprocess.DEVNULL)
    try:
        await_true(address.exists)
        with monkeypatch.context() as patched:
            patched.setenv("SSH_AUTH_SOCK", str(address))
            yield
    finally:
        agent.terminate()
        agent.wait()


# Links


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
session = SshSession(ServerSpec(name, name), ClusterSpec((), None, config, known_hosts))
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
        big.truncate(1 << 26)
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
    with place.session() as session, pytest.raises(RemoteError, match="the disk is full"):
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
