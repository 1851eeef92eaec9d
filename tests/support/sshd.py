"""An sshd of the current user on a loopback port: real SSH without a container."""

import os
import pwd
import shlex
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType

from tests.support.needs import UnavailableError
from tests.support.ssh_home import SshHome, free_port, make_key, program

STARTUP_SECONDS = 20


class LoopbackSshd:
    """A running sshd, and what a client needs to reach it.

    Remote commands start in `home` and have it as `$HOME`: the user's own home is left alone.
    Slots are its own.
    A session needs a command; there is no interactive shell.
    """

    def __init__(self, directory: Path, extra_config: str = "") -> None:
        """Create keys and files below `directory`; `extra_config` is added to `sshd_config`."""
        directory.mkdir(parents=True, exist_ok=True)
        self.name = "loopback"
        self.host = "127.0.0.1"
        self.port = free_port()
        self.user = pwd.getpwuid(os.getuid()).pw_name
        self.home = directory / "remote-home"
        self.home.mkdir()
        self.client = SshHome(directory / "client-home")
        self.key = self.client.key
        self.log = directory / "sshd.log"
        self._config = directory / "sshd_config"
        self._host_key = make_key(directory / "host_key")
        self._server: subprocess.Popen[bytes] | None = None
        self._write_config(directory, extra_config)
        self.client.add_host(self.name, self.port, self.user, self.host_key)

    @property
    def host_key(self) -> str:
        """The server's public host key line."""
        return self._host_key.with_suffix(".pub").read_text().strip()

    @property
    def pid(self) -> int:
        """The process from which all comes that is run over it."""
        assert self._server
        return self._server.pid

    def start(self) -> None:
        """Listen; return when the server greets. A second start uses the same port and host key."""
        if os.getuid() == 0:
            Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
        argv = [program("sshd"), "-D", "-e", "-f", str(self._config)]
        with self.log.open("ab") as log:
            self._server = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        wait_for_greeting(self.port, STARTUP_SECONDS, self._check_alive)

    def stop(self) -> None:
        """Stop listening and cut every connection; commands started over them are left alone."""
        if self._server is None:
            return
        # Once it has ended, nothing tells which connections were its own.
        with self._frozen(self._server) as server:
            self._cut(server)
            server.terminate()
        server.wait()
        self._server = None

    def drop_connections(self) -> None:
        """Cut every open connection as a lost network would, and go on listening."""
        if self._server is not None:
            with self._frozen(self._server) as server:
                self._cut(server)

    def __enter__(self) -> "LoopbackSshd":
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _check_alive(self) -> None:
        if self._server is None or self._server.poll() is not None:
            raise UnavailableError(f"sshd did not start: {self.log.read_text()[-500:].strip()}")

    @contextmanager
    def _frozen(self, server: subprocess.Popen[bytes]) -> Iterator[subprocess.Popen[bytes]]:
        """Hold the server up, which would else accept a connection while those there are being counted."""
        server.send_signal(signal.SIGSTOP)
        try:
            while _state(server.pid) not in "TZ":
                time.sleep(0.001)
            yield server
        finally:
            server.send_signal(signal.SIGCONT)

    def _cut(self, server: subprocess.Popen[bytes]) -> None:
        for pid in _sshd_descendants(server.pid):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def _write_config(self, directory: Path, extra_config: str) -> None:
        authorized, slots = directory / "authorized_keys", directory / "slots"
        authorized.write_text(f"{self.client.public_key}\n")
        authorized.chmod(0o600)
        lines = [
            "ListenAddress 127.0.0.1",
            f"Port {self.port}",
            f'HostKey "{self._host_key}"',
            f'AuthorizedKeysFile "{authorized}"',
            "PidFile none",
            "StrictModes no",
            "UsePAM no",
            "PasswordAuthentication no",
            "PermitRootLogin prohibit-password",
            "Subsystem sftp /usr/lib/openssh/sftp-server",
            f'SetEnv "HOME={self.home}" "TWOPHASE_SLOT_DIR={slots}"',
            f'ForceCommand cd {shlex.quote(str(self.home))} && eval "$SSH_ORIGINAL_COMMAND"',
            extra_config,
        ]
        self._config.write_text("\n".join(lines) + "\n")


def wait_for_greeting(port: int, seconds: float, check_alive: Callable[[], None]) -> None:
    """Return once an SSH server greets on 127.0.0.1 `port`; `check_alive` may raise to end the wait early."""
    deadline = time.monotonic() + seconds
    while not _greets(port):
        check_alive()
        if time.monotonic() > deadline:
            raise UnavailableError(f"no SSH server answered on 127.0.0.1 port {port} within {seconds} s")
        time.sleep(0.02)


def _greets(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
            return connection.recv(4) == b"SSH-"
    except OSError:
        return False


def _sshd_descendants(pid: int) -> list[int]:
    found = []
    for child in _children(pid):
        # A session may fork once more, to give up its privileges; what is not sshd is a user's command.
        if _proc_text(child, "comm").startswith("sshd"):
            found += [child, *_sshd_descendants(child)]
    return found


def _children(pid: int) -> list[int]:
    everyone = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]
    return [each for each in everyone if _parent(each) == pid]


def _state(pid: int) -> str:
    """Return the letter of a process's state, `Z` for one that is gone."""
    fields = _proc_text(pid, "stat").rpartition(")")[2].split()
    return fields[0] if fields else "Z"


def _parent(pid: int) -> int | None:
    fields = _proc_text(pid, "stat").rpartition(")")[2].split()
    return int(fields[1]) if fields else None


def _proc_text(pid: int, name: str) -> str:
    try:
        return Path(f"/proc/{pid}/{name}").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""
