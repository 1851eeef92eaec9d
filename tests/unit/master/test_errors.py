"""What errors say, and which may pass."""

from __future__ import annotations

import errno

import pytest

from master.errors import ConfigError, DiskFull, RemoteError, WorkerUnusable


@pytest.mark.parametrize(
    ("parts", "text"),
    [
        (("jobs.json", "job 3", "has no lr"), "jobs.json: job 3: has no lr"),
        (("jobs.json", "", "is empty"), "jobs.json: is empty"),
        (("", "", "is empty"), "is empty"),
    ],
)
def test_a_wrong_file_is_told_with_its_place_where_there_is_one(
    parts: tuple[str, str, str], text: str
) -> None:
    error = ConfigError(*parts)
    assert str(error) == text and (error.source, error.place, error.problem) == parts


def test_a_failed_command_is_told_with_the_end_of_what_it_said() -> None:
    error = RemoteError("lab1", "rsync failed", ["rsync", "a b"], "1\n2\n3\n4\n5\n6\n")
    assert str(error) == "lab1: rsync failed (rsync 'a b')\n2\n3\n4\n5\n6"
    assert error.brief == "rsync failed\n5\n6"


def test_a_long_command_is_cut() -> None:
    assert len(str(RemoteError("lab1", "failed", ["x" * 999]))) < 230


@pytest.mark.parametrize(
    ("number", "kind"), [(errno.ENOSPC, DiskFull), (errno.EDQUOT, DiskFull), (errno.EACCES, RemoteError)]
)
def test_only_a_full_disk_passes(number: int, kind: type[RemoteError]) -> None:
    error = RemoteError.of("lab1", "cannot write", OSError(number, "x"))
    assert type(error) is kind and error.host == "lab1"


def test_a_worker_that_is_of_no_use_stays_so_whatever_the_system_said() -> None:
    assert type(WorkerUnusable.of("lab1", "refused", OSError(errno.EACCES, "x"))) is WorkerUnusable
