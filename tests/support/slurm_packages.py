"""Slurm's programs from the packages of Debian or Ubuntu, unpacked below a folder: nothing is installed."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.needs import UnavailableError

CACHE = Path(__file__).resolve().parents[2] / ".cache" / "slurm"
PROGRAMS = ("slurmctld", "slurmd", "slurm-client", "slurm-wlm-basic-plugins")
LIBRARIES = ("libmunge2", "libhwloc15", "libnuma1", "liblua5.1-0", "libjson-c5", "libyaml-0-2")
"""What the programs need and a bare system lacks …"""
MORE_LIBRARIES = ("libdbus-1-3", "liblz4-1", "libreadline8")
"""… or may lack."""
DOWNLOAD_S = 240.0


@dataclass(frozen=True)
class Programs:
    """Where the packages lie unpacked."""

    root: Path

    @property
    def plugins(self) -> Path:
        """The folder of Slurm's plugins."""
        return next(self.root.glob("usr/lib/*/slurm-wlm"))

    @property
    def library_path(self) -> str:
        """What `LD_LIBRARY_PATH` must hold."""
        return f"{self.plugins.parent}:{self.plugins}"

    def client(self, name: str) -> Path:
        """Return a program of users."""
        return self.root / "usr" / "bin" / name

    def daemon(self, name: str) -> Path:
        """Return a program of the system: `slurmctld`, `slurmd`, `slurmstepd`."""
        return self.root / "usr" / "sbin" / f"{name}-wlm"


def slurm_programs(cache: Path = CACHE) -> Programs:
    """Return Slurm's programs, downloaded into `cache` where they are not there yet.

    Raises UnavailableError where they cannot be had.
    """
    root = cache / "root"
    cache.mkdir(parents=True, exist_ok=True)
    with _locked(cache / "lock"):
        if not root.is_dir():
            _unpack_new(cache, root)
    programs = Programs(root)
    _check(programs)
    return programs


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _unpack_new(cache: Path, root: Path) -> None:
    if shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None:
        raise UnavailableError("no Slurm: its packages come by `apt-get download`, which is not there")
    with tempfile.TemporaryDirectory(dir=cache) as name:
        fresh = Path(name)
        _download(fresh)
        for package in sorted(fresh.glob("*.deb")):
            _run(["dpkg-deb", "--extract", str(package), str(fresh / "root")], fresh)
        (fresh / "root").rename(root)


def _download(folder: Path) -> None:
    get = ["apt-get", "-o", "APT::Sandbox::User=root", "download", *PROGRAMS, *LIBRARIES, *MORE_LIBRARIES]
    try:
        _run(get, folder)
    except UnavailableError:
        if os.getuid() != 0:
            raise
        # A bare system has no lists of packages yet.
        _run(["apt-get", "update"], folder)
        _run(get, folder)


def _check(programs: Programs) -> None:
    """Say which libraries the machine lacks, before a daemon fails for them in its log."""
    environ = {**os.environ, "LD_LIBRARY_PATH": programs.library_path}
    needy = [programs.daemon("slurmctld"), programs.daemon("slurmd"), programs.client("scontrol")]
    told = subprocess.run(["ldd", *needy], env=environ, capture_output=True, text=True, check=False).stdout
    lacking = sorted({line.split()[0] for line in told.splitlines() if "not found" in line})
    if lacking:
        raise UnavailableError(f"Slurm's packages need {', '.join(lacking)}, which the machine lacks")


def _run(argv: Sequence[str], folder: Path) -> None:
    try:
        done = subprocess.run(
            argv, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=DOWNLOAD_S
        )
    except subprocess.TimeoutExpired:
        raise UnavailableError(f"no Slurm: `{' '.join(argv[:4])} …` takes over {DOWNLOAD_S:g} s") from None
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["nothing said"])[-1]
        raise UnavailableError(f"no Slurm: `{' '.join(argv[:4])} …` says: {last}")
