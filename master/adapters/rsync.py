"""Directories by rsync over OpenSSH: what to run, what its failures mean, and a runner that logs in once."""

from __future__ import annotations

import contextlib
import os
import re
import resource
import select
import shlex
import shutil
import signal
import subprocess
import tempfile
import threading
from collections.abc import Collection, Sequence
from pathlib import Path

from master.adapters.process_groups import signal_group
from master.adapters.remote_command import SHELL_PRINTS, from_home_line
from master.adapters.ssh_settings import Route, SshFiles, master_argv, ssh_argv
from master.errors import DirectoryGone, DiskFull, RemoteError, SessionLost, TwophaseError, WorkerUnusable

PARTIAL_DIR = ".rsync-partial"
TRANSFERS_AT_ONCE = 8
"""Transfers at a time over one connection: sshd allows 10 sessions by default."""
_STOP_GRACE_S = 3.0
_LOGIN_TIMES = 3
"""A login may take so many times what connecting may."""
_LEAST_FILE_BYTES = 1 << 20
"""rsync and ssh write small files of their own."""

SILENCE_S = 600
"""After so long without a byte a transfer is over …"""
_HASHED_A_SECOND = 20_000_000
"""… and longer for what is hashed before the first byte, on a slow disk."""

_FLAGS = (
    "--times",
    "--sparse",
    # Equal size and time do not make equal content.
    "--checksum",
    # A file is complete under its name or not there; what came over before a break is not sent again.
    f"--partial-dir={PARTIAL_DIR}",
    # Odd names stay out of the remote shell.
    "-s",
    # Paths are relative to the home directory.
    f"--rsync-path={from_home_line('rsync')}",
)

_PUSH = ("--recursive", "--links", "--perms", "--chmod=Du+rwx", "--delete")
# From a worker come files with the names that are asked for: no links, no modes but that a file is a program.
_PULL = ("--files-from=-", "--from0", "--no-implied-dirs", "--no-links", "--no-perms", "--executability")

_HINTS = {
    11: "writing failed there or here",
    23: "some files could not be transferred",
    24: "files vanished while they were read",
}
_GONE = re.compile(r"change_dir .* failed: No such file")
_LINK_CODES = {10, 30, 35, 255}
_REFUSED = re.compile(r"Permission denied \(|Host key verification failed|HOST IDENTIFICATION HAS CHANGED")
_NO_RSYNC = re.compile(r"rsync: (?:command )?not found|rsync: No such file or directory|command not found")
_FULL = re.compile(r"No space left|Disk quota exceeded")
_NOISE = re.compile(r"is your shell clean|protocol version mismatch")


def push_argv(source: Path, target: str, host: str, shell: Sequence[str]) -> list[str]:
    """Return the command that makes `target` on `host` equal to `source`; `shell` is the ssh to use."""
    flags = (*_PUSH, _timeout(_bytes_below(source)))
    return _argv(flags, shell, f"{source.absolute()}/", _remote(host, target))


def pull_argv(
    source: str, target: Path, host: str, shell: Sequence[str], most: int, count: int = 1
) -> list[str]:
    """Return the command that brings the files that its input names from `source` on `host` to `target`.

    What is larger than `most` bytes stays behind; `count` files are named.
    """
    flags = (*_PULL, f"--max-size={most}", _timeout(most * count))
    return _argv(flags, shell, _remote(host, source), f"{target.absolute()}/")


def _timeout(size: int) -> str:
    return f"--timeout={SILENCE_S + size // _HASHED_A_SECOND}"


def _bytes_below(folder: Path) -> int:
    return sum(path.lstat().st_size for path in folder.rglob("*"))


def _argv(flags: Sequence[str], shell: Sequence[str], source: str, target: str) -> list[str]:
    return ["rsync", *flags, *_FLAGS, "-e", shlex.join(shell), "--", source, target]


def _remote(host: str, path: str) -> str:
    name = f"[{host}]" if ":" in host else host
    return f"{name}:{path.rstrip('/')}/"


def failure(host: str, argv: Sequence[str], exit_code: int, stderr: str) -> TwophaseError | None:
    """Return what an exit code of rsync and its last words mean; None if all is well."""
    if exit_code == 0:
        return None
    if exit_code == 127 or (exit_code == 12 and _NO_RSYNC.search(stderr)):
        return WorkerUnusable(host, "no rsync on the worker: apt-get install rsync", argv, stderr)
    if _NOISE.search(stderr):
        return WorkerUnusable(host, SHELL_PRINTS, argv, stderr)
    if exit_code == 255 and _REFUSED.search(stderr):
        return WorkerUnusable(host, "ssh is refused", argv, stderr)
    if _GONE.search(stderr):
        return DirectoryGone(host, "the directory is not there", argv, stderr)
    if (
        exit_code < 0
        or exit_code in _LINK_CODES
        or (exit_code == 12 and "connection unexpectedly closed" in stderr)
    ):
        last = stderr.strip().splitlines()[-1:] or [f"exit code {exit_code}"]
        return SessionLost(f"{host}: the link broke during a transfer: {last[0]}")
    if "File too large" in stderr:
        return RemoteError(host, "a file is larger than its agent said", argv, stderr)
    if _FULL.search(stderr):
        return DiskFull(host, "the disk is full", argv, stderr)
    return RemoteError(host, _problem(exit_code, stderr), argv, stderr)


def _problem(exit_code: int, stderr: str) -> str:
    if "Permission denied" in stderr:
        return "permission denied"
    return _HINTS.get(exit_code, f"rsync failed with exit code {exit_code}")


class Transfers:
    """Runs rsync for one worker.  Transfers at the same time share a login, as a handshake each is costly."""

    def __init__(
        self,
        host: str,
        route: Route,
        files: SshFiles,
        *,
        connect_timeout_s: float,
        connecting: threading.Semaphore,
    ) -> None:
        self._host, self._route, self._files = host, route, files
        self._connect_timeout_s = max(1, int(connect_timeout_s))
        self._connecting = connecting
        self._lock = threading.Lock()
        self._slots = threading.BoundedSemaphore(TRANSFERS_AT_ONCE)
        self._running: set[subprocess.Popen[bytes]] = set()
        self._login: _SharedLogin | None = None
        self._closed = False

    def push(self, source: Path, target: str) -> None:
        """Make `target` on the worker, relative to the home there, equal to `source`."""
        if not source.is_dir():
            raise RemoteError(self._host, f"cannot push {source}: no such directory")
        with self._slots:
            self._run(push_argv(source, target, self._name, self._shell()))

    def pull(self, source: str, target: Path, names: Collection[str], most: int) -> None:
        """Bring these files of `source` on the worker, of at most so many bytes, to `target`."""
        try:
            target.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            problem = f"cannot make {target}: {error.strerror}"
            raise RemoteError.of(self._host, problem, error) from error
        with self._slots:
            argv = pull_argv(source, target, self._name, self._shell(), most, len(names))
            self._run(argv, b"\0".join(map(os.fsencode, names)), most)

    def close(self) -> None:
        """End what runs."""
        with self._lock:
            self._closed = True
            running, login = list(self._running), self._login
        for process in running:
            signal_group(process, signal.SIGTERM)
        if login is not None:
            login.close()

    @property
    def _name(self) -> str:
        return self._route[-1].destination.name

    def _shell(self) -> list[str]:
        with self._lock:
            if self._login is None and not self._closed:
                with self._connecting:
                    self._login = _SharedLogin(self._route, self._files, self._connect_timeout_s)
            path = self._login.path if self._login else None
        return ssh_argv(
            self._route, self._files, connect_timeout_s=self._connect_timeout_s, control_path=path
        )

    def _run(self, argv: Sequence[str], words: bytes = b"", most: int | None = None) -> None:
        """Run rsync with `words` as its input; it can write no file of more than `most` bytes."""
        process = self._start(argv)
        try:
            if most is not None:
                bound_files(process.pid, most)
            _, errors = process.communicate(words)
        finally:
            with self._lock:
                self._running.discard(process)
        problem = failure(self._host, argv, process.returncode, errors.decode(errors="replace"))
        if self._closed and problem is not None:
            raise SessionLost(f"{self._host}: the session was closed during a transfer")
        if problem is not None:
            raise problem

    def _start(self, argv: Sequence[str]) -> subprocess.Popen[bytes]:
        with self._lock:
            if self._closed:
                raise SessionLost(f"{self._host}: the session is closed")
            try:
                process = subprocess.Popen(
                    argv,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.PIPE,
                    env={**os.environ, "LC_ALL": "C"},
                    start_new_session=True,
                )
            except FileNotFoundError:
                problem = "no rsync on the head node: apt-get install rsync"
                raise WorkerUnusable(self._host, problem, argv) from None
            self._running.add(process)
            return process


def bound_files(process: int, most: int) -> None:
    """Let a process that has just begun, and what it starts, write no file of more than `most` bytes.

    The other side's rsync may send what it likes: it is not told by a flag how much that may be.
    """
    limit = max(most, _LEAST_FILE_BYTES)
    with contextlib.suppress(ProcessLookupError):
        resource.prlimit(process, resource.RLIMIT_FSIZE, (limit, limit))


class _SharedLogin:
    """An `ssh` of our own that others go through, in a directory that only this user can enter."""

    def __init__(self, route: Route, files: SshFiles, connect_timeout_s: int) -> None:
        # Sockets have short names at most, whatever TMPDIR says.
        self._directory = tempfile.mkdtemp(prefix="tp-", dir="/tmp")
        self.path = f"{self._directory}/s"
        argv = master_argv(route, files, connect_timeout_s=connect_timeout_s, control_path=self.path)
        self._process = subprocess.Popen(
            argv,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        assert self._process.stdout is not None
        # Ready, or nothing because it failed or hangs: then each transfer logs in and tells what is wrong.
        # OpenSSH itself waits for ever where a link goes silent while it logs in.
        patience_s = _LOGIN_TIMES * connect_timeout_s
        if not select.select([self._process.stdout], [], [], patience_s)[0]:
            signal_group(self._process, signal.SIGKILL)

    def close(self) -> None:
        """End the connection."""
        with self._process as process:
            try:
                # The end of its input, upon which it ends its ssh first.
                process.communicate(timeout=_STOP_GRACE_S)
            except subprocess.TimeoutExpired:
                signal_group(process, signal.SIGKILL)
        shutil.rmtree(self._directory, ignore_errors=True)
