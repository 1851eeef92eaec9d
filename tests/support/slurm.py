"""A real Slurm of two nodes on this machine: started in seconds, not installed, stopped with all of it.

`python -m tests.support.slurm` starts one for a person: `scripts/slurm` does.
"""

from __future__ import annotations

import argparse
import os
import pwd
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from tests.support.needs import UnavailableError
from tests.support.slurm_packages import Programs, slurm_programs
from tests.support.ssh_home import free_port
from tests.support.watcher import watched

NODES = ("n1", "n2")
CLIENTS = ("sbatch", "squeue", "scancel", "srun", "scontrol", "sinfo", "sacct")
STARTUP_S, STOP_S = 30.0, 10.0
_CONFIG = """\
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller_port}
AuthType=auth/none
CredType=cred/none
SlurmUser={user}
SlurmdUser={user}
StateSaveLocation={directory}/state
SlurmdSpoolDir={directory}/spool-%n
SlurmctldPidFile={directory}/slurmctld.pid
SlurmdPidFile={directory}/slurmd-%n.pid
PluginDir={plugins}
PlugStackConfig={directory}/plugstack.conf
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
MailProg=/bin/true
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
PreemptType=preempt/partition_prio
PreemptMode=CANCEL
SchedulerParameters=bf_interval=1,sched_interval=2
SlurmdParameters=config_overrides
GresTypes=gpu
ReturnToService=2
KillWait={kill_wait_s}
MinJobAge=5
EnforcePartLimits=ALL
InactiveLimit=0
SlurmctldTimeout=30
SlurmdTimeout=30
MessageTimeout=3
PartitionName=main Nodes=ALL Default=YES MaxTime=60 PriorityTier=10 PreemptMode=OFF State=UP
PartitionName=scavenger Nodes=ALL MaxTime=60 PriorityTier=1 PreemptMode=CANCEL State=UP
PartitionName=urgent Nodes=ALL MaxTime=60 PriorityTier=20 PreemptMode=OFF State=UP
"""


class LocalSlurm:
    """A controller, two nodes, and the programs of users in a folder of its own, each call of them counted.

    There is neither munge nor accounting; every process runs as whoever started it.
    """

    def __init__(
        self, directory: Path, programs: Programs, *, cpus: int = 2, kill_wait_s: int = 12, more: str = ""
    ) -> None:
        """Write the configuration below `directory`, with `more` lines; a node is said to have `cpus`."""
        self.directory, self.programs = directory, programs
        self.config = directory / "slurm.conf"
        self.bin = directory / "bin"
        """Goes before what `PATH` has; the programs need nothing else of the environment."""
        self.calls_log = directory / "calls.log"
        self._daemons: dict[str, subprocess.Popen[bytes]] = {}
        self._watcher: subprocess.Popen[bytes] | None = None
        self._prepare()
        self._write_config(cpus, kill_wait_s, more)

    def start(self) -> None:
        """Start the daemons; return when both nodes take work.  Raises UnavailableError."""
        self._watcher = watched(str(self.directory))
        self.start_controller()
        for node in NODES:
            self._start(node, ["slurmd", "-D", "-N", node, "-d", str(self.programs.daemon("slurmstepd"))])
        self._await(lambda: self._node_states() == ["idle"] * len(NODES), "two idle nodes")

    def start_controller(self) -> None:
        """Start `slurmctld`, also again; it may not answer yet."""
        self._start("slurmctld", ["slurmctld", "-D"])

    def stop_controller(self) -> None:
        """End `slurmctld`, which saves its state: what runs goes on, and no command of users is answered."""
        self._stop("slurmctld", signal.SIGTERM)

    def wait_for_controller(self) -> None:
        """Return once the controller answers."""
        self._await(lambda: bool(self._node_states()), "an answer of slurmctld")

    def stop(self) -> None:
        """Cancel what runs, end the daemons and every process that has come from them."""
        with suppress(UnavailableError):
            if "slurmctld" in self._daemons and self.jobs():
                self.command("scancel", f"--user={_user()}")
                self._await(lambda: not self.steps(), "the end of all steps", STOP_S)
        for name in list(self._daemons):
            self._stop(name, signal.SIGTERM)
        for pid in self.steps():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if self._watcher:
            self._watcher.communicate()
            self._watcher = None

    def __enter__(self) -> LocalSlurm:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def path(self) -> str:
        """What `PATH` is to be for who uses this Slurm."""
        return f"{self.bin}:{os.environ.get('PATH', os.defpath)}"

    def command(self, *argv: str, timeout_s: float = 30.0) -> str:
        """Run a program of users, uncounted; return what it says.  Raises CalledProcessError."""
        done = subprocess.run(
            [self.programs.client(argv[0]), *argv[1:]],
            env=self._environ(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=True,
            timeout=timeout_s,
        )
        return done.stdout

    def jobs(self) -> dict[str, str]:
        """Return the states of the jobs that the queue knows and that have not ended, by id."""
        lines = self.command("squeue", "-h", "-o", "%i %T").splitlines()
        return dict(line.split(maxsplit=1) for line in lines)

    def calls(self, program: str) -> list[str]:
        """Return how a program of users was called by `bin`: its arguments, a line a call."""
        lines = self.calls_log.read_text().splitlines() if self.calls_log.exists() else []
        return [line.partition(" ")[2] for line in lines if line.partition(" ")[0] == program]

    def steps(self) -> list[int]:
        """Return the processes that the nodes have started, the daemons of both left out."""
        mark = f"SLURM_CONF={self.config}".encode()
        own = {os.getpid(), *(daemon.pid for daemon in self._daemons.values())}
        found = [pid for pid in _processes() if pid not in own and mark in _environment(pid)]
        return sorted(pid for pid in found if _was_started_by_slurm(pid))

    def _node_states(self) -> list[str]:
        with suppress(subprocess.CalledProcessError, subprocess.TimeoutExpired):
            return self.command("sinfo", "-h", "-N", "-p", "main", "-o", "%t").split()
        return []

    def _await(self, is_so: Callable[[], bool], what: str, seconds: float = STARTUP_S) -> None:
        deadline = time.monotonic() + seconds
        while not is_so():
            ended = [name for name, daemon in self._daemons.items() if daemon.poll() is not None]
            if ended or time.monotonic() > deadline:
                log = self.directory / f"{(ended or ['slurmctld'])[0]}.log"
                raise UnavailableError(f"no {what} of a Slurm: {log.read_text()[-600:].strip()}")
            time.sleep(0.05)

    def _start(self, name: str, words: Sequence[str]) -> None:
        argv = [str(self.programs.daemon(words[0])), *words[1:]]
        with (self.directory / f"{name}.log").open("ab") as log:
            self._daemons[name] = subprocess.Popen(
                argv,
                env=self._environ(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def _stop(self, name: str, number: int) -> None:
        daemon = self._daemons.pop(name)
        daemon.send_signal(number)
        try:
            daemon.wait(STOP_S)
        except subprocess.TimeoutExpired:
            daemon.kill()
            daemon.wait()

    def _environ(self) -> dict[str, str]:
        own = {"LD_LIBRARY_PATH": self.programs.library_path, "SLURM_CONF": str(self.config)}
        plain = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG")}
        return {**plain, **own}

    def _prepare(self) -> None:
        for name in ("state", "bin", *(f"spool-{node}" for node in NODES)):
            (self.directory / name).mkdir(parents=True, mode=0o700)
        (self.directory / "plugstack.conf").touch(mode=0o600)
        for name in CLIENTS:
            script = self.bin / name
            script.write_text(self._client_script(name))
            script.chmod(0o755)

    def _client_script(self, name: str) -> str:
        log, program = shlex.quote(str(self.calls_log)), shlex.quote(str(self.programs.client(name)))
        count = f"printf '%s\\n' {name}\" $(printf '%s ' \"$@\" | tr '\\n' ' ')\" >>{log}"
        return (
            f"#!/bin/sh\n{count}\n"
            f"export LD_LIBRARY_PATH={shlex.quote(self.programs.library_path)}"
            f" SLURM_CONF={shlex.quote(str(self.config))}\n"
            f'exec {program} "$@"\n'
        )

    def _write_config(self, cpus: int, kill_wait_s: int, more: str) -> None:
        host = socket.gethostname().partition(".")[0]
        lines = [
            _CONFIG.format(
                host=host,
                controller_port=free_port(),
                user=_user(),
                directory=self.directory,
                plugins=self.programs.plugins,
                kill_wait_s=kill_wait_s,
            ),
            f"{more}\n",
        ]
        for node in NODES:
            lines.append(
                f"NodeName={node} NodeHostname={host} NodeAddr=127.0.0.1 Port={free_port()} CPUs={cpus}"
                " RealMemory=4000\n"
            )
        self.config.write_text("".join(lines))


def _user() -> str:
    return pwd.getpwuid(os.getuid()).pw_name


def _processes() -> list[int]:
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]


def _environment(pid: int) -> list[bytes]:
    try:
        return Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return []


def _was_started_by_slurm(pid: int) -> bool:
    variables = {variable.partition(b"=")[0] for variable in _environment(pid)}
    try:
        is_daemon = Path(f"/proc/{pid}/comm").read_text().startswith("slurmstepd")
    except OSError:
        return False
    return is_daemon or b"SLURM_JOB_ID" in variables


def main(argv: Sequence[str] | None = None) -> int:
    """Start a Slurm, say how it is used, and stop it at Ctrl-C, SIGTERM or the end of the terminal."""
    about = "Start a real Slurm of two nodes on this machine, for as long as this runs; it is not installed."
    argparse.ArgumentParser("scripts/slurm", description=about).parse_args(argv)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    try:
        with (
            suppress(KeyboardInterrupt),
            tempfile.TemporaryDirectory(prefix="slurm-") as name,
            LocalSlurm(Path(name) / "slurm", slurm_programs()) as slurm,
        ):
            # By a path without its mark, else all that is started in that terminal would end with it.
            programs = Path(name) / "bin"
            programs.symlink_to(slurm.bin)
            print(
                f"Slurm serves until Ctrl-C.  In another terminal:\n  export PATH={programs}:$PATH",
                flush=True,
            )
            signal.pause()
    except UnavailableError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
