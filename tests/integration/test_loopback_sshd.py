"""The SSH server on loopback holds what the tests over SSH rely on."""

import subprocess
from pathlib import Path

import paramiko
import pytest

from tests.support.sshd import LoopbackSshd

pytestmark = pytest.mark.ssh


def run(server: LoopbackSshd, command: str) -> subprocess.CompletedProcess[str]:
    argv = server.client.ssh_argv(server.name, command)
    return subprocess.run(argv, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=60)


def test_commands_run_in_a_home_of_the_test(loopback_sshd: LoopbackSshd) -> None:
    result = run(loopback_sshd, 'whoami; pwd; echo "$HOME"; echo ~')
    home = str(loopback_sshd.home)
    assert result.stdout.splitlines() == [loopback_sshd.user, home, home, home], result.stderr


def test_the_home_s_bashrc_speaks_before_a_command(loopback_sshd: LoopbackSshd) -> None:
    (loopback_sshd.home / ".bashrc").write_text("echo welcome\n")
    assert run(loopback_sshd, "echo result").stdout.split() == ["welcome", "result"]


def test_the_exit_code_and_quoting_arrive(loopback_sshd: LoopbackSshd) -> None:
    result = run(loopback_sshd, """printf '%s|' 'a  b' "c'd" '$HOME'; exit 7""")
    assert (result.stdout, result.returncode) == ("a  b|c'd|$HOME|", 7)


def test_rsync_and_sftp_reach_the_same_home(loopback_sshd: LoopbackSshd, tmp_path: Path) -> None:
    (tmp_path / "model.bin").write_bytes(b"weights")
    shell = f"ssh -F '{loopback_sshd.client.config}'"
    argv = ["rsync", "-e", shell, str(tmp_path / "model.bin"), f"{loopback_sshd.name}:"]
    subprocess.run(argv, check=True, timeout=60)
    with connected(loopback_sshd) as client, client.open_sftp() as sftp, sftp.open("model.bin") as stream:
        assert stream.read() == b"weights"


def connected(server: LoopbackSshd) -> paramiko.SSHClient:
    """Return a client that accepts the one host key in `known_hosts`."""
    client = paramiko.SSHClient()
    client.set_missing_host_key_policy(paramiko.RejectPolicy())
    client.load_host_keys(str(server.client.known_hosts))
    client.connect(server.host, server.port, server.user, key_filename=str(server.key), allow_agent=False)
    return client


@pytest.mark.usefixtures("loopback_sshd")  # says where there can be no server at all
def test_all_files_may_lie_in_a_folder_whose_name_has_spaces(tmp_path: Path) -> None:
    with LoopbackSshd(tmp_path / "my  lab") as server:
        result = run(server, 'pwd; echo "$HOME"')
        assert result.stdout.splitlines() == [str(server.home)] * 2, result.stderr
        with connected(server) as client, client.open_sftp() as sftp:
            assert sftp.normalize(".") == str(server.home)


def test_dropping_connections_leaves_the_server(loopback_sshd: LoopbackSshd) -> None:
    argv = loopback_sshd.client.ssh_argv(loopback_sshd.name, "echo ready; exec sleep 60")
    with subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as session:
        assert session.stdout is not None and session.stdout.readline() == b"ready\n"
        loopback_sshd.drop_connections()
        assert session.wait(timeout=30) == 255
    assert run(loopback_sshd, "echo still here").stdout == "still here\n"


def test_stopping_cuts_connections(loopback_sshd: LoopbackSshd) -> None:
    argv = loopback_sshd.client.ssh_argv(loopback_sshd.name, "echo ready; exec sleep 60")
    with subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as session:
        assert session.stdout is not None and session.stdout.readline() == b"ready\n"
        loopback_sshd.stop()
        assert session.wait(timeout=30) == 255


def test_a_restarted_server_is_the_same_one(loopback_sshd: LoopbackSshd) -> None:
    loopback_sshd.stop()
    assert run(loopback_sshd, "true").returncode == 255
    loopback_sshd.start()
    assert run(loopback_sshd, "echo back").stdout == "back\n"
