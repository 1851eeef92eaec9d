"""What rsync is told, and what its exit codes mean."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from master.adapters.rsync import PARTIAL_DIR, failure, pull_argv, push_argv
from master.errors import DiskFull, RemoteError, SessionLost, WorkerUnusable

SHELL = ["ssh", "-F", "/a b/config", '-oUserKnownHostsFile="/it\'s"']


def test_push_names_both_directories_with_a_slash() -> None:
    argv = push_argv(Path("/models/one"), "./store/two words", "worker", SHELL)
    assert argv[0] == "rsync"
    assert argv[-3:] == ["--", "/models/one/", "worker:./store/two words/"]


def test_pull_is_the_other_way_round() -> None:
    argv = pull_argv("/scratch/out", Path("/home/x"), "worker", SHELL, 100)
    assert argv[-3:] == ["--", "worker:/scratch/out/", "/home/x/"]


def test_from_a_worker_come_named_files_alone() -> None:
    argv = set(pull_argv("/scratch/out", Path("/home/x"), "worker", SHELL, 100))
    assert {
        "--files-from=-",
        "--from0",
        "--no-links",
        "--no-perms",
        "--max-size=100",
        "--timeout=600",
    } <= argv
    assert not {"--recursive", "--links", "--perms", "--delete", "-a"} & argv


def test_a_relative_source_becomes_absolute_so_that_a_colon_names_no_host() -> None:
    assert push_argv(Path("a:b"), "/x", "worker", SHELL)[-2] == f"{Path.cwd() / 'a:b'}/"


def test_an_ipv6_address_is_bracketed() -> None:
    assert push_argv(Path("/x"), "/y", "fe80::1", SHELL)[-1] == "[fe80::1]:/y/"


def test_the_shell_is_one_word_that_splits_into_the_same_words() -> None:
    argv = push_argv(Path("/x"), "/y", "worker", SHELL)
    assert shlex.split(argv[argv.index("-e") + 1]) == SHELL


def test_content_decides_and_nothing_appears_half_done() -> None:
    argv = push_argv(Path("/x"), "/y", "worker", SHELL)
    assert {"--checksum", "--delete", f"--partial-dir={PARTIAL_DIR}", "-s"} <= set(argv)
    assert not {"--inplace", "--partial", "-P", "--append"} & set(argv)


ARGV = ("rsync", "--", "/x/", "worker:/y/")
DISK_FULL = 'rsync: [receiver] write failed on "/y/big": No space left on device (28)\n'
DENIED = 'rsync: [Receiver] mkdir "/y" failed: Permission denied (13)\n'
CLOSED = "rsync: connection unexpectedly closed (0 bytes received so far) [sender]\n"
PROTOCOL = "rsync error: error in rsync protocol data stream (code 12) at io.c(231)\n"


@pytest.mark.parametrize(
    ("exit_code", "stderr", "kind", "words"),
    [
        (11, DISK_FULL, DiskFull, "the disk is full"),
        (11, "rsync: write failed: Disk quota exceeded (122)\n", DiskFull, "the disk is full"),
        (11, DENIED, RemoteError, "permission denied"),
        (23, DENIED, RemoteError, "permission denied"),
        (
            23,
            "rsync: link_stat failed: No such file or directory (2)\n",
            RemoteError,
            "could not be transferred",
        ),
        (24, "file has vanished: /x/a\n", RemoteError, "vanished"),
        (1, "rsync: unknown option\n", RemoteError, "exit code 1"),
        (12, PROTOCOL, RemoteError, "exit code 12"),
        (127, "bash: rsync: command not found\n" + CLOSED, WorkerUnusable, "apt-get install rsync"),
        (12, "bash: rsync: command not found\n" + CLOSED + PROTOCOL, WorkerUnusable, "apt-get install rsync"),
        (12, "sh: 1: rsync: not found\n" + CLOSED + PROTOCOL, WorkerUnusable, "apt-get install rsync"),
        (2, "protocol version mismatch -- is your shell clean?\n", WorkerUnusable, "startup files"),
        (255, "x@y: Permission denied (publickey).\n" + CLOSED, WorkerUnusable, "refused"),
        (255, "Host key verification failed.\n" + CLOSED, WorkerUnusable, "refused"),
        (255, "ssh: connect to host y port 22: Connection refused\n", SessionLost, "Connection refused"),
        (12, CLOSED + PROTOCOL, SessionLost, "broke"),
        (30, "rsync error: timeout in data send/receive\n", SessionLost, "timeout"),
        (-15, "", SessionLost, "exit code -15"),
    ],
)
def test_an_exit_code_becomes_an_error(
    exit_code: int, stderr: str, kind: type[Exception], words: str
) -> None:
    error = failure("worker", ARGV, exit_code, stderr)
    assert type(error) is kind
    assert words in str(error)
    assert "worker" in str(error)


def test_success_is_no_error() -> None:
    assert failure("worker", ARGV, 0, "Warning: Permanently added\n") is None
