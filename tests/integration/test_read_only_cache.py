"""What jobs share cannot be written to, by users who are not root: artefacts are still moved and removed."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from worker_agent.cache.artefacts import Cache
from worker_agent.protocol.digests import content_hash, digest_directory
from worker_agent.protocol.layout import WorkLayout
from worker_agent.system.remove_tree import remove_tree

NOBODY = 65534


@pytest.fixture
def place() -> Iterator[Path]:
    """A directory of a user who is not root, in one that everybody may enter."""
    folder = Path(tempfile.mkdtemp(prefix="twophase-test-"))
    if os.getuid() == 0:
        os.chown(folder, NOBODY, NOBODY)
    yield folder
    shutil.rmtree(folder)


def as_user(work: Callable[[], None]) -> None:
    """Do something in a process of a user whom permissions bind; its assertions count."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            if os.getuid() == 0:
                os.setgid(NOBODY)
                os.setuid(NOBODY)
            work()
            code = 0
        except BaseException:
            traceback.print_exc()
            sys.stderr.flush()
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def delivered(cache: Cache) -> str:
    staged = cache.layout.incoming(cache.run_id, "x")
    (staged / "part").mkdir(parents=True)
    (staged / "part" / "rows.csv").write_text("1,2")
    name = content_hash(digest_directory(staged))
    staged.rename(cache.layout.incoming(cache.run_id, name))
    assert cache.verify_delivered(name) is None
    return name


def test_nothing_can_be_added_changed_or_removed_in_what_jobs_share(place: Path) -> None:
    def work() -> None:
        cache = Cache(WorkLayout(place), "r1")
        path = cache.path(delivered(cache))
        deeds: list[Callable[[], object]] = [
            lambda: (path / "mine").touch(),
            lambda: (path / "part" / "mine").touch(),
            lambda: (path / "part" / "rows.csv").write_text("x"),
            lambda: (path / "part" / "rows.csv").unlink(),
            lambda: (path / "part").rename(path / "other"),
        ]
        for deed in deeds:
            with pytest.raises(PermissionError):
                deed()
        assert cache.status(path.name) == "present"

    as_user(work)


def test_what_is_read_only_is_still_evicted_taken_set_aside_and_replaced(place: Path) -> None:
    def work() -> None:
        cache = Cache(WorkLayout(place), "r1")
        name = delivered(cache)
        gone = cache.contents.evict(name)
        remove_tree(gone)
        assert cache.status(name) == "missing" and not gone.exists()

        delivered(cache)
        cache.take(name, place / "taken")
        (place / "taken" / "part" / "rows.csv").write_text("mine")
        (place / "taken" / "new").touch()

        delivered(cache)
        assert delivered(cache) == name  # once more: what is there stays
        (cache.path(name) / "part" / "rows.csv").chmod(0o600)
        (cache.path(name) / "part" / "rows.csv").write_text("rotten")
        assert cache.verify_cached(name) and cache.status(name) == "missing"
        delivered(cache)
        assert cache.status(name) == "present"

    as_user(work)
