"""Machines on one switch, each with a link of its own rate, as network namespaces of this one.

Needs root, and `ip` and `tc` of iproute2.  What is made is gone in the end, and nothing of the machine's own
network is touched.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

_SSHD = "/usr/sbin/sshd"
_NEEDED = ("ip", "tc", "rsync", "ssh", "ssh-keygen")
_START_S = 10.0
_SETTINGS = """
Port 22
HostKey {home}/host
AuthorizedKeysFile {home}/own.pub
PidFile none
StrictModes no
UsePAM no
"""


class LabError(Exception):
    """Machines cannot be made here; the text says why."""


@dataclass(frozen=True)
class Machine:
    """One machine of the lab."""

    space: str
    address: str

    def argv(self, words: Sequence[str]) -> list[str]:
        """Return a command that runs another one there."""
        return ["ip", "netns", "exec", self.space, *words]


def _run(*words: str) -> None:
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        raise LabError(f"`{' '.join(words)}`: {done.stderr.strip()}")


def _clear(space: str) -> None:
    """End what runs in a namespace still, and remove it."""
    listed = subprocess.run(["ip", "netns", "pids", space], check=False, capture_output=True, text=True)
    for pid in map(int, listed.stdout.split()):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
    subprocess.run(["ip", "netns", "del", space], check=False, capture_output=True)


class Lab:
    """A switch, and who is connected to it."""

    def __init__(self) -> None:
        missing = [name for name in (*_NEEDED, _SSHD) if shutil.which(name) is None]
        if missing or os.geteuid() != 0:
            raise LabError(f"this takes root and {', '.join(missing or _NEEDED)}")
        self._name = f"tp{os.getpid()}"
        self.machines: list[Machine] = []

    @contextlib.contextmanager
    def of(self, rates: Sequence[float]) -> Iterator[list[Machine]]:
        """Connect a machine for each rate, in Mbit/s, both ways; 0 is no limit."""
        try:
            _run("ip", "netns", "add", self._name)
            for words in (("link", "add", "br0", "type", "bridge"), ("link", "set", "br0", "up")):
                _run("ip", "-n", self._name, *words)
            for rate in rates:
                self._connect(rate)
            yield self.machines
        finally:
            for space in (*(machine.space for machine in self.machines), self._name):
                _clear(space)

    def _connect(self, rate: float) -> None:
        number = len(self.machines)
        machine = Machine(f"{self._name}m{number}", f"10.99.0.{number + 1}")
        port = f"p{number}"
        _run("ip", "netns", "add", machine.space)
        self.machines.append(machine)
        ends = ("link", "add", port, "netns", self._name, "type", "veth", "peer", "name", "eth0")
        _run("ip", *ends, "netns", machine.space)
        _run("ip", "-n", self._name, "link", "set", port, "master", "br0", "up")
        _run("ip", "-n", machine.space, "address", "add", f"{machine.address}/24", "dev", "eth0")
        for device in ("lo", "eth0"):
            _run("ip", "-n", machine.space, "link", "set", device, "up")
        if rate:
            for space, device in ((machine.space, "eth0"), (self._name, port)):
                limit = ("tbf", "rate", f"{rate:g}mbit", "burst", "256k", "latency", "100ms")
                _run("tc", "-n", space, "qdisc", "add", "dev", device, "root", *limit)


@contextlib.contextmanager
def sshd_at(machines: Sequence[Machine], home: Path) -> Iterator[list[str]]:
    """Let an sshd of its own listen at each machine; yield the ssh to use, which knows them."""
    for name in ("host", "own"):
        _run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(home / name))
    (home / "sshd").write_text(_SETTINGS.format(home=home))
    Path("/run/sshd").mkdir(exist_ok=True)
    servers = []
    for one in machines:
        slots = f"SetEnv=TWOPHASE_SLOT_DIR={home}/slots-{one.space}"  # they are none of this machine's
        servers.append(subprocess.Popen(one.argv([_SSHD, "-D", "-f", str(home / "sshd"), "-o", slots])))
    known = (home / "host.pub").read_text()
    (home / "known").write_text("".join(f"{one.address} {known}" for one in machines))
    files = (f"-oUserKnownHostsFile={home}/known", f"-oIdentityFile={home}/own")
    ssh = ["ssh", "-F", "none", "-oBatchMode=yes", "-oIdentitiesOnly=yes", *files]
    try:
        for machine in machines:
            _await_greeting([*machines[0].argv(ssh), machine.address, "true"])
        yield ssh
    finally:
        for server in servers:
            server.terminate()
            server.wait()


def _await_greeting(words: Sequence[str]) -> None:
    deadline = time.monotonic() + _START_S
    while subprocess.run(words, capture_output=True, check=False).returncode:
        if time.monotonic() > deadline:
            raise LabError(f"no sshd answers `{' '.join(words)}`")
        time.sleep(0.05)
