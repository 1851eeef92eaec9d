"""A Slurm cluster in containers: a login host, a controller and two nodes on a network of their own.

Every machine has munge with one key, the users have no rights, and the home of `worker` is shared.  What the
network lets in from outside is the login host's sshd.
"""

from __future__ import annotations

import os
import re
import secrets
import time
from collections import Counter
from pathlib import Path
from types import TracebackType
from typing import Any

import docker
from docker.types import EndpointConfig

from tests.e2e.cluster import wait_for
from tests.e2e.containers import OWNER, Lab, Worker
from tests.support.needs import UnavailableError

NODES = ("n1", "n2")
HOME = "/home/worker"
ENDED = "/var/lib/slurm/slurmctld/ended"
RIGHTS = {"cap_add": ["NET_ADMIN", "SYS_ADMIN"], "security_opt": ["apparmor=unconfined"]}
"""What the daemon of a node needs to make control groups; its users have none of it."""
STARTUP_S = 60.0


class SlurmCluster:
    """One cluster; `lab` has its machines, and takes more of other kinds."""

    def __init__(self, client: docker.DockerClient, image: str, directory: Path) -> None:
        """Write the head node's files below `directory`, which must not exist or be empty."""
        self._client, self._image = client, image
        self._label = {OWNER: str(os.getpid())}
        self._key = secrets.token_hex(128)
        self.unconstrained = ""
        """Why control groups do not hold allocations here; empty where they do."""
        self.lab = Lab(client, image, directory)
        name = f"twophase-{os.getpid()}-{secrets.token_hex(4)}"
        self._network = client.networks.create(name, labels=self._label)
        self._home = client.volumes.create(name, labels=self._label)

    def start(self) -> None:
        """Start all machines; return when both nodes take work.  Raises UnavailableError."""
        self.unconstrained = self._probed()
        self.controller = self._machine("controller", "controller")
        self.login = self._machine("login", "login")
        self.nodes = [self._machine(name, "node") for name in NODES]
        for machine in (self.controller, self.login, *self.nodes):
            machine.wait_ready()
        self.wait_for_nodes()

    def close(self) -> None:
        """Remove all of it."""
        self.lab.close()
        self._network.remove()
        self._home.remove()

    def __enter__(self) -> SlurmCluster:
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def wait_for_nodes(self) -> None:
        """Return when the controller answers and both nodes are of use."""
        deadline = time.monotonic() + STARTUP_S
        while not self._nodes_are_up():
            if time.monotonic() > deadline:
                log = self.controller.exec(["tail", "-n5", "/var/log/slurmctld.log"], user="root").stdout
                raise UnavailableError(f"no two nodes of a Slurm in containers: {log.strip()}")
            time.sleep(0.1)

    def _nodes_are_up(self) -> bool:
        said = self.controller.exec(["sinfo", "-h", "-N", "-p", "main", "-o", "%T"], user="root").stdout
        return len(said.split()) == len(NODES) and set(said.split()) <= {"idle", "mixed", "allocated"}

    def stop_controller(self) -> None:
        """End `slurmctld`, which saves its state; what runs goes on."""
        self.controller.exec(["pkill", "slurmctld"], user="root")
        wait_for("the end of slurmctld", lambda: not self._controllers())

    def start_controller(self) -> None:
        """Start `slurmctld` again; return when it answers."""
        self.controller.exec(["slurmctld"], user="root")
        self.wait_for_nodes()

    def _controllers(self) -> list[str]:
        listed = self.controller.exec(["ps", "-eo", "comm,stat", "--no-headers"], user="root").stdout
        return [line for line in listed.splitlines() if "slurmctld" in line and " Z" not in line]

    def as_user(self, *argv: str, user: str = "worker") -> str:
        """Run a program of users on the login host; return what it says.  Fails the test where it fails."""
        done = self.login.exec(argv, user=user)
        assert done.exit_code == 0, (argv, done.stdout + done.stderr)
        return done.stdout.strip()

    def jobs(self, user: str = "worker") -> dict[str, str]:
        """Return the states of a user's allocations that have not ended, by id."""
        words = ("squeue", "-h", f"--user={user}", "-o", "%i %T")
        return dict(line.split(maxsplit=1) for line in self.as_user(*words).splitlines())

    def submissions(self, user: str = "worker") -> Counter[str]:
        """Return how many allocations of a user had each name, of those that have ended."""
        lines = self.controller.exec(["cat", ENDED], user="root").stdout.splitlines()
        rows = (dict(word.partition("=")[::2] for word in line.split()) for line in lines)
        return Counter(row["Name"] for row in rows if row["UserId"].startswith(f"{user}("))

    def processes(self, word: str) -> list[str]:
        """Return what users run on the login host and on the nodes with `word` in its command line."""
        found = []
        for machine in (self.login, *self.nodes):
            listed = machine.exec(["ps", "-eo", "user,args", "--no-headers"], user="root").stdout.splitlines()
            rows = (line.split(maxsplit=1) for line in listed)
            found += [f"{machine.name}: {args}" for user, args in rows if user != "root" and word in args]
        return found

    def allow_logins(self) -> None:
        """Let `worker` log in from the login host to the nodes by a key, as a cluster may allow."""
        script = "umask 077; mkdir -p ~/.ssh; ssh-keyscan -t ed25519 n1 n2 >~/.ssh/known_hosts 2>/dev/null"
        self.as_user("sh", "-c", script)
        self.login.put(f"{HOME}/.ssh/id_ed25519", self.lab.client.key.read_bytes(), mode=0o600)

    def steps(self) -> set[str]:
        """Return the allocations that a step is open to from the login host."""
        found = (re.search(r"srun --jobid=(\d+)", line) for line in self.processes("srun --jobid="))
        return {match.group(1) for match in found if match}

    def pool(self, **more: Any) -> dict[str, Any]:
        """Return a pool of two seats, each of one core of a node of its own."""
        plain = {"slurm": "login", "name": "hpc", "seats": 2, "queued": 2, "time": "30m", "gpus": 0}
        where = {"cpu_slots": 2, "state_dir": f"{HOME}/state-{secrets.token_hex(4)}"}
        return {**plain, **where, **more}

    def _machine(self, name: str, role: str) -> Worker:
        known_as = EndpointConfig(self._client.api.api_version, aliases=[name])
        rights: dict[str, Any] = RIGHTS if role == "node" else {}
        return self.lab.start(
            name,
            volumes={self._home.name: {"bind": HOME, "mode": "rw"}},
            environment={"UNCONSTRAINED": self.unconstrained, "MUNGE_KEY": self._key},
            command=["machine", role],
            network=self._network.name,
            networking_config={self._network.name: known_as},
            **rights,
        )

    def _probed(self) -> str:
        """Return why an engine lets no container make control groups; empty where it does."""
        said = self._client.containers.run(
            self._image, ["machine", "probe"], remove=True, labels=self._label, **RIGHTS
        )
        return str(said.decode().strip())
