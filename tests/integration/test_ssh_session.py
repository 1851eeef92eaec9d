"""Sessions over a real sshd: configuration, host keys, logging in."""

from __future__ import annotations

import contextlib
import re
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from shlex import quote

import pytest

from master.errors import SessionLost
from master.specs import ServerSpec
from tests.integration.ssh_place import Place, await_true, started, via_jump
from tests.support.ssh_home import free_port, make_key
from tests.support.sshd import LoopbackSshd

pytestmark = pytest.mark.ssh


"""Long enough for any machine; a test that waits for it has failed."""


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


@pytest.mark.parametrize(
    ("options", "reason", "cure"),
    [
        (
            "PubkeyAuthentication no\n  PasswordAuthentication yes",
            "lets nobody in by a key, only by keyboard-interactive, password",
            "have keys allowed there",
        ),
        (
            "AuthenticationMethods publickey,publickey",
            "and then asks for more (publickey)",
            "a second factor cannot be given",
        ),
        (
            "KbdInteractiveAuthentication yes\n  AuthenticationMethods publickey,keyboard-interactive",
            "and then asks for more (keyboard-interactive)",
            "a second factor cannot be given",
        ),
    ],
)
def test_a_worker_that_wants_more_than_a_key_is_told_with_its_cure(
    tmp_path: Path, options: str, reason: str, cure: str
) -> None:
    with started(tmp_path / "sshd", f"Match all\n  {options}") as sshd:
        told = Place(sshd).refusal()
    assert reason in told and cure in told and "Traceback" not in told


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


def test_a_jump_host_is_passed_for_commands_and_files(place: Place, tmp_path: Path) -> None:
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "file").write_text("content")
    with place.session(via_jump(place)) as session:
        assert session.run(["printenv", "SSH_CONNECTION"]).stdout.split()[2] in (b"127.0.0.1", b"::1")
        session.push(tmp_path / "tree", "~/copy")
        session.pull("~/copy", tmp_path / "back", ["file"], 7)
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


def test_who_hangs_up_before_it_speaks_ssh_is_told_in_words(place: Place) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def hang_up() -> None:
            with contextlib.suppress(OSError):
                while True:
                    listener.accept()[0].close()

        threading.Thread(target=hang_up, daemon=True).start()
        with pytest.raises(SessionLost, match="hangs up before it speaks SSH: another program on that port"):
            place.says(replace(place.direct, port=listener.getsockname()[1]))
        listener.shutdown(socket.SHUT_RDWR)
