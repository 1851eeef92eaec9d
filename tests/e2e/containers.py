"""Lab machines in containers, each with sshd on a published loopback port."""

import io
import os
import sys
import tarfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import docker
import docker.errors
from docker.models.containers import Container

from tests.support.needs import UnavailableError
from tests.support.ssh_home import SshHome, free_port, make_key
from tests.support.sshd import wait_for_greeting

OWNER = "twophase.owner"
"""Label: the process that removes the container, so that another can when it died first."""
STARTUP_SECONDS = 60
RECONNECTIONS = 5
USERS = {"worker": 22, "other": 2222}
"""The users of the image, and the port that sshd has in a container made for each."""


def python_mounts() -> dict[str, dict[str, str]]:
    """Return volumes that put this interpreter and its packages, read-only, at the same paths in a container.

    A system interpreter is not mounted: the image has Debian's own, which the virtual environment then finds.
    """
    places = {Path(sys.prefix), Path(sys.base_prefix)} - {Path("/usr"), Path("/usr/local")}
    # An interpreter may name its place by a link and be found by the link's target: show both.
    places |= {place.resolve() for place in places}
    return {str(place): {"bind": str(place), "mode": "ro"} for place in sorted(places)}


@dataclass(frozen=True)
class Executed:
    """What a command in a container did."""

    exit_code: int
    stdout: str
    stderr: str


class Worker:
    """One container with sshd. It keeps its name, port and host key until the lab is closed."""

    def __init__(self, name: str, user: str, port: int, client: SshHome, container: Container) -> None:
        self.name = name
        """Also its alias in the lab's ssh_config."""
        self.host = "127.0.0.1"
        self.port = port
        self.user = user
        self.key = client.key
        self.python = str(Path(sys.prefix) / "bin" / "python")
        """An interpreter on the worker that has the packages of the one that runs the tests."""
        self.container = container

    def kill(self) -> None:
        """Take the power: every process ends at once. The disk stays."""
        self.container.kill()
        self.container.wait()

    def restart(self) -> None:
        """Boot again, after `kill` or instead of it; return when sshd greets."""
        self.container.restart(timeout=0)
        self.wait_ready()

    def pause(self) -> None:
        """Freeze every process: connections stay open and silent."""
        self.container.pause()

    def unpause(self) -> None:
        """Undo `pause`."""
        self.container.unpause()

    def disconnect(self) -> None:
        """Unplug the network: open connections break, new ones are refused, processes go on."""
        self._network().disconnect(self.container)

    def reconnect(self) -> None:
        """Undo `disconnect`; return when sshd greets."""
        for tries_left in reversed(range(RECONNECTIONS)):
            try:
                self._network().connect(self.container)
                break
            except docker.errors.APIError:  # the former interface is still being removed
                if not tries_left:
                    raise
                time.sleep(1.0)
        self.wait_ready()

    @property
    def interface(self) -> str:
        """The name of its network interface: after a reconnection it may be another."""
        names = self.exec(["ls", "/sys/class/net"]).stdout.split()
        return next((name for name in names if name.startswith("eth")), "eth0")

    def mute(self) -> None:
        """Lose every packet: open connections fall silent without breaking, processes go on."""
        self._as_root(["ip", "link", "set", self.interface, "down"])

    def unmute(self) -> None:
        """Undo `mute`; return when sshd greets."""
        self._as_root(["ip", "link", "set", self.interface, "up"])
        self.wait_ready()

    def mend(self) -> None:
        """Undo whatever fault there is, of those above that are not `mute`; return when sshd greets."""
        self.container.reload()
        if self.container.status == "paused":
            self.unpause()
        if not self.container.attrs["NetworkSettings"]["Networks"]:
            self._network().connect(self.container)
        if self.container.status == "exited":
            self.container.start()
        self.wait_ready()

    def exec(self, argv: Sequence[str], user: str | None = None) -> Executed:
        """Run a command in the container without SSH, as its user or another; wait for its end."""
        environment = {"HOME": self.home} if user is None else {}
        result = self.container.exec_run(
            list(argv), user=user or self.user, workdir=self.home, environment=environment, demux=True
        )
        stdout, stderr = (part or b"" for part in result.output)
        return Executed(result.exit_code, stdout.decode(errors="replace"), stderr.decode(errors="replace"))

    @property
    def home(self) -> str:
        """The user's home directory on the worker."""
        return {"worker": "/home/worker", "other": "/srv/other"}[self.user]

    def put(self, path: str, content: bytes, mode: int = 0o644) -> None:
        """Write a file of the worker's user; its directory must exist."""
        uid, gid = (int(number) for number in self.exec(["sh", "-c", "id -u; id -g"]).stdout.split())
        self.container.put_archive("/", _archive({path: (content, mode, uid, gid)}))

    def wait_ready(self) -> None:
        """Return when sshd greets."""
        wait_for_greeting(self.port, STARTUP_SECONDS, self._check_alive)

    def _check_alive(self) -> None:
        self.container.reload()
        if self.container.status == "exited":
            raise UnavailableError(f"{self.name} stopped: {self.container.logs(tail=5).decode().strip()}")

    def _as_root(self, argv: Sequence[str]) -> None:
        result = self.container.exec_run(list(argv), user="root")
        if result.exit_code != 0:
            raise RuntimeError(f"{self.name}: {argv} failed: {result.output.decode().strip()}")

    def _network(self) -> Any:
        return self.container.client.networks.get("bridge")


class Lab:
    """Workers, and the head node's SSH files for them; closing it removes the containers."""

    def __init__(self, client: docker.DockerClient, image: str, directory: Path) -> None:
        """Write the head node's files below `directory`, which must not exist or be empty."""
        self._engine = client
        self._image = image
        self._directory = directory
        self.client = SshHome(directory / "home")
        self.workers: list[Worker] = []

    def start(
        self,
        name: str,
        user: str = "worker",
        volumes: Mapping[str, Mapping[str, str]] | None = None,
        environment: Mapping[str, str] | None = None,
        tmpfs: Mapping[str, str] | None = None,
        **more: Any,
    ) -> Worker:
        """Start a worker; `volumes` (docker's form) come on top of this interpreter's.  See `wait_ready`.

        `tmpfs` gives file systems of their own by path, with mount options such as `size=1m,mode=1777`;
        `more` are arguments of docker's `create` in place of those that all workers have.
        """
        port = free_port()
        usual = {
            "image": self._image,
            "name": f"twophase-{os.getpid()}-{self._directory.name}-{name}",
            "hostname": name,
            "init": True,
            "cap_add": ["NET_ADMIN"],
            "environment": {**(environment or {}), "SSHD_PORT": str(USERS[user])},
            "ports": {f"{USERS[user]}/tcp": ("127.0.0.1", port)},
            "volumes": {**python_mounts(), **(volumes or {})},
            "shm_size": "256m",
            "tmpfs": dict(tmpfs or {}),
            "labels": {OWNER: str(os.getpid())},
        }
        container = self._engine.containers.create(**{**usual, **more})
        worker = Worker(name, user, port, self.client, container)
        self.workers.append(worker)
        self._install_keys(worker)
        container.start()
        return worker

    def also(self, worker: Worker, user: str) -> None:
        """Let another user of the image log in to a worker that is up, under the alias `<name>-<user>`."""
        keys = {f"etc/ssh/authorized_keys/{user}": (self.client.public_key.encode() + b"\n", 0o644, 0, 0)}
        worker.container.put_archive("/", _archive(keys))
        public = (self._directory / f"{worker.name}_host_key.pub").read_text()
        self.client.add_host(f"{worker.name}-{user}", worker.port, user, public)

    def close(self) -> None:
        """Remove every container of the lab, whatever state it is in."""
        while self.workers:
            self.workers.pop().container.remove(force=True, v=True)

    def __enter__(self) -> "Lab":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _install_keys(self, worker: Worker) -> None:
        host_key = make_key(self._directory / f"{worker.name}_host_key")
        public = host_key.with_suffix(".pub").read_bytes()
        files = {
            "etc/ssh/ssh_host_ed25519_key": (host_key.read_bytes(), 0o600, 0, 0),
            "etc/ssh/ssh_host_ed25519_key.pub": (public, 0o644, 0, 0),
            f"etc/ssh/authorized_keys/{worker.user}": (self.client.public_key.encode() + b"\n", 0o644, 0, 0),
        }
        worker.container.put_archive("/", _archive(files))
        self.client.add_host(worker.name, worker.port, worker.user, public.decode())


def remove_left_overs(client: docker.DockerClient) -> None:
    """Remove containers, networks and volumes of this process, and of those that ended without doing so."""
    mark = {"label": OWNER}
    for container in client.containers.list(all=True, filters=mark, ignore_removed=True):
        if _is_left(container.labels[OWNER]):
            container.remove(force=True, v=True)
    for thing in (*client.networks.list(filters=mark), *client.volumes.list(filters=mark)):
        if _is_left((thing.attrs["Labels"] or {})[OWNER]):
            with suppress(docker.errors.NotFound):  # another process had the same thought
                thing.remove()


def _is_left(owner: str) -> bool:
    return owner == str(os.getpid()) or not Path("/proc", owner).exists()


def _archive(files: Mapping[str, tuple[bytes, int, int, int]]) -> bytes:
    """Return a tar of path → (content, mode, uid, gid)."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as tar:
        for path, (content, mode, uid, gid) in files.items():
            member = tarfile.TarInfo(path.lstrip("/"))
            member.size, member.mode, member.uid, member.gid = len(content), mode, uid, gid
            tar.addfile(member, io.BytesIO(content))
    return stream.getvalue()
