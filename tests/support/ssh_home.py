"""A home directory whose `.ssh` holds a key, `known_hosts` and `config` for the servers of a test."""

import os
import random
import shutil
import socket
import subprocess
from pathlib import Path

from tests.support.needs import UnavailableError

PORTS = range(20000, 30000)
"""Below Linux's ephemeral range: no outgoing connection takes the port of a server that is down."""


def free_port() -> int:
    """Return a TCP port of 127.0.0.1 that nothing listens on."""
    for port in random.sample(PORTS, 100):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise UnavailableError(f"no free port among {PORTS.start}-{PORTS.stop - 1} on 127.0.0.1")


def program(name: str) -> str:
    """Return the path of an executable, also of one that only root has on PATH."""
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin:/sbin")
    if found is None:
        raise UnavailableError(f"`{name}` is not installed: run scripts/install-test-tools as root")
    return found


def make_key(path: Path) -> Path:
    """Create an ed25519 key pair `path`, `path`.pub without a passphrase; return `path`."""
    argv = [program("ssh-keygen"), "-q", "-t", "ed25519", "-N", "", "-C", path.name, "-f", str(path)]
    subprocess.run(argv, check=True, stdin=subprocess.DEVNULL)
    return path


class SshHome:
    """Client-side files: `.ssh/id_ed25519`, `.ssh/known_hosts`, `.ssh/config` below `home`.

    OpenSSH takes `~/.ssh` from the password database, not from `$HOME`: give it `-F` and this `config`.
    """

    def __init__(self, home: Path) -> None:
        self.home = home
        self.directory = home / ".ssh"
        self.directory.mkdir(parents=True, mode=0o700)
        self.key = make_key(self.directory / "id_ed25519")
        self.known_hosts = self.directory / "known_hosts"
        self.known_hosts.touch(mode=0o600)
        self.config = self.directory / "config"
        self.config.touch(mode=0o600)
        self._hosts: dict[str, str] = {}
        self._write_config()

    @property
    def public_key(self) -> str:
        """The line that authorises this client on a server."""
        return self.key.with_suffix(".pub").read_text().strip()

    @property
    def files(self) -> dict[str, str]:
        """What a cluster config says, to have its hosts reached by these files."""
        return {"ssh_config": str(self.config), "known_hosts": str(self.known_hosts)}

    def add_host(self, alias: str, port: int, user: str, host_key: str) -> None:
        """Make `ssh -F config alias` reach a server on 127.0.0.1 whose public host key is `host_key`."""
        self._hosts[alias] = f"Host {alias}\n  HostName 127.0.0.1\n  Port {port}\n  User {user}\n"
        self._write_config()
        self.trust(port, host_key)

    def trust(self, port: int, host_key: str) -> None:
        """Know `host_key` (a public key line) for 127.0.0.1 `port`, and no other."""
        host = f"[127.0.0.1]:{port}"
        lines = [line for line in self.known_hosts.read_text().splitlines() if line.split()[0] != host]
        lines.append(f"{host} {' '.join(host_key.split()[:2])}")
        self.known_hosts.write_text("".join(f"{line}\n" for line in lines))

    def environ(self) -> dict[str, str]:
        """Return an environment for programs that run as if this were the user's home."""
        inherited = {name: value for name, value in os.environ.items() if name != "SSH_AUTH_SOCK"}
        return {**inherited, "HOME": str(self.home)}

    def ssh_argv(self, alias: str, *command: str) -> list[str]:
        """Return the argv that runs `command` on a host by the OpenSSH client."""
        return [program("ssh"), "-F", str(self.config), "-o", "BatchMode=yes", alias, *command]

    def _write_config(self) -> None:
        everywhere = (
            f'Host *\n  IdentityFile "{self.key}"\n  IdentitiesOnly yes\n  StrictHostKeyChecking yes\n'
            f'  UserKnownHostsFile "{self.known_hosts}"\n  GlobalKnownHostsFile /dev/null\n'
        )
        self.config.write_text("".join([*self._hosts.values(), everywhere]))
