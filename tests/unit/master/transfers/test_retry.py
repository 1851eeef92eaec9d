"""What is worth another try, and when."""

from __future__ import annotations

import errno
from itertools import islice

import pytest

from master.errors import DirectoryGone, DiskFull, IntegrityError, RemoteError, WorkerUnusable
from master.transfers.retry import GONE_TRIES, REMOTE_TRIES, TRIES, Pauses, may_pass, what_next

MOST = {
    "wrong bytes": (IntegrityError("not as announced"), TRIES),
    "a refusal": (RemoteError("lab1", "no such directory"), REMOTE_TRIES),
    "a directory that is gone": (DirectoryGone("lab1", "not there"), GONE_TRIES),
    "words are no type": (RemoteError("lab1", "the disk is full"), REMOTE_TRIES),
    "a worker without rsync": (WorkerUnusable("lab1", "no rsync"), REMOTE_TRIES),
}


@pytest.mark.parametrize(("error", "most"), MOST.values(), ids=MOST)
def test_what_may_be_for_good_is_tried_only_so_often(error: Exception, most: int) -> None:
    assert [may_pass(error, tries) for tries in (1, most - 1, most)] == [True, True, False]


@pytest.mark.parametrize("error", [DiskFull("lab1", "the disk is full"), OSError(5, "I/O error")], ids=repr)
def test_a_full_disk_is_waited_for_however_long(error: Exception) -> None:
    assert may_pass(error, 1_000_000)


@pytest.mark.parametrize(
    "number", [errno.ENAMETOOLONG, errno.ENOTDIR, errno.EISDIR, errno.EINVAL, errno.ELOOP]
)
def test_a_path_that_cannot_be_is_not_tried_again(number: int) -> None:
    assert not may_pass(OSError(number, "no"), 1)


def test_of_a_full_disk_it_is_said_what_to_do() -> None:
    assert what_next(DiskFull("lab1", "full")) == what_next(OSError(28, "full")) != ""
    assert what_next(OSError(5, "I/O error")) == what_next(IntegrityError("wrong")) == ""


def test_pauses_double_up_to_the_longest() -> None:
    assert list(islice(Pauses(first_s=1.0, most_s=5.0).growing_s(), 5)) == [1.0, 2.0, 4.0, 5.0, 5.0]
