"""Nothing of the cache is used that was not verified, or that changed since."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from tests.unit.worker_agent.protocol.test_digests import write
from worker_agent.cache import artefacts
from worker_agent.cache.artefacts import Cache
from worker_agent.protocol.digests import content_hash, digest_directory, holds
from worker_agent.protocol.layout import WorkLayout


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(WorkLayout(tmp_path), "r1")


def delivered(cache: Cache, name: str, *files: str) -> Path:
    return write(cache.layout.incoming(cache.run_id, name), *files)


def test_what_never_came_is_missing(cache: Cache) -> None:
    assert cache.status("a" * 64) == "missing"
    place, problem = cache.layout.incoming("r1", "a" * 64), cache.verify_delivered("a" * 64)
    assert problem == (
        f"{place} is not there, where it was sent: the `work_dir` of a pool has to lie on a disk that its"
        " login host and nodes share"
    )
    assert str(cache.verify_cached("a" * 64)).startswith("its content hash is ")


def test_what_is_not_what_was_announced_is_set_aside(cache: Cache) -> None:
    staged = delivered(cache, "a" * 64, "best.pt")
    problem = cache.verify_delivered("a" * 64)
    assert problem and problem.endswith(f"of 1 files, instead of {'a' * 64}")
    assert cache.status("a" * 64) == "missing" and not staged.exists()
    assert (cache.layout.set_aside("a" * 64) / "best.pt").read_text() == "best.pt"


def test_what_has_no_note_beside_it_is_hashed_before_use(cache: Cache) -> None:
    name, _ = cache.adopt(write(cache.layout.work_dir / "made", "best.pt"))
    note = cache.path(name).with_name(f"{name}.stat.json")
    for text in (None, "no JSON", "17"):
        note.unlink() if text is None else note.write_text(text)
        assert cache.status(name) == "unsure"
    assert cache.verify_cached(name) is None
    assert cache.status(name) == "present"


def test_what_comes_a_second_time_is_not_needed(cache: Cache) -> None:
    name, _ = cache.adopt(write(cache.layout.work_dir / "made", "best.pt"))
    staged = delivered(cache, name, "anything")
    assert cache.verify_delivered(name) is None and not staged.exists()
    assert (cache.path(name) / "best.pt").read_text() == "best.pt"


def test_what_is_taken_may_be_written_to_and_is_gone(cache: Cache, tmp_path: Path) -> None:
    name, _ = cache.adopt(write(tmp_path / "made", "best.pt"))
    assert not (cache.path(name) / "best.pt").stat().st_mode & 0o200
    cache.take(name, tmp_path / "taken")
    assert (tmp_path / "taken" / "best.pt").stat().st_mode & 0o200
    assert cache.status(name) == "missing" and not cache.path(name).exists()


def test_what_has_come_is_told_to_who_keeps_the_cache_small(cache: Cache, tmp_path: Path) -> None:
    cache.has_grown = False
    cache.adopt(write(tmp_path / "made", "best.pt"))
    assert cache.has_grown


def test_a_base_model_is_the_same_with_and_without_its_manifest(tmp_path: Path) -> None:
    cache = Cache(WorkLayout(tmp_path), "r1")
    name = content_hash(digest_directory(write(tmp_path / "made", "best.pt")))
    delivered = write(WorkLayout(tmp_path).incoming("r1", name), "best.pt", "manifest.json")
    assert holds(tmp_path / "made", name) and holds(delivered, name)
    assert cache.verify_delivered(name) is None and cache.status(name) == "present"
    assert not holds(write(tmp_path / "other", "best.pt", "more"), name)


@pytest.mark.parametrize("damage", ["", "changed"])
def test_what_is_made_again_takes_the_place_of_a_damaged_copy(tmp_path: Path, damage: str) -> None:
    cache = Cache(WorkLayout(tmp_path), "r1")
    name, _ = cache.adopt(write(tmp_path / "made", "best.pt"))
    if damage:
        (cache.path(name) / "best.pt").unlink()
        (cache.path(name) / "best.pt").write_text(damage)
    (cache.path(name).with_name(f"{name}.stat.json")).unlink()
    assert cache.adopt(write(tmp_path / "again", "best.pt"))[0] == name
    assert (cache.path(name) / "best.pt").read_text() == "best.pt" and cache.status(name) == "present"
    assert WorkLayout(tmp_path).set_aside(name).exists() == bool(damage)
    assert not (tmp_path / "again").exists()


def rot(cache: Cache, name: str) -> None:
    """Change a byte, and nothing that can be seen from outside."""
    path = cache.path(name) / "best.pt"
    before = path.stat()
    path.chmod(0o644)
    path.write_bytes(b"B" + path.read_bytes()[1:])
    path.chmod(before.st_mode)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def test_a_rotten_copy_is_not_kept_in_the_place_of_a_sound_one(cache: Cache, tmp_path: Path) -> None:
    name, _ = cache.adopt(write(tmp_path / "made", "best.pt"))
    for again in range(2):
        rot(cache, name)
        if again:
            staged = delivered(cache, name, "best.pt")
            assert cache.verify_delivered(name) is None and not staged.exists()
        else:
            assert cache.adopt(write(tmp_path / "made", "best.pt"))[0] == name
        assert (cache.path(name) / "best.pt").read_text() == "best.pt"
        assert (cache.layout.set_aside(name) / "best.pt").read_text() == "Best.pt"


def test_rot_is_found_where_something_went_wrong_and_not_looked_for_again_at_once(
    cache: Cache, tmp_path: Path
) -> None:
    name, _ = cache.adopt(write(tmp_path / "made", "best.pt"))
    assert cache.rotten([name, "f" * 64]) == []
    rot(cache, name)
    assert cache.rotten([name]) == []
    (problem,) = cache.rotten([name], every_s=0.0)
    assert problem.startswith(f"artefact {name[:12]} was damaged on this worker, and is set aside")
    assert cache.status(name) == "missing" and cache.layout.set_aside(name).is_dir()


def test_rot_is_told_to_all_that_had_begun_when_it_was_found(cache: Cache, tmp_path: Path) -> None:
    name, _ = cache.adopt(write(tmp_path / "made", "best.pt"))
    rot(cache, name)
    first = cache.rotten([name])
    assert first and cache.rotten([name], ran_s=60.0) == first
    cache.adopt(write(tmp_path / "made", "best.pt"))
    assert cache.rotten([name], ran_s=60.0) == first
    assert cache.rotten([name]) == [] and cache.status(name) == "present"


def test_rot_that_was_found_for_another_attempt_is_told_to_those_that_had_begun(
    cache: Cache, tmp_path: Path
) -> None:
    name, _ = cache.adopt(write(tmp_path / "made", "best.pt"))
    rot(cache, name)
    assert cache.verify_cached(name) is not None
    delivered(cache, name, "best.pt")
    assert cache.verify_delivered(name) is None and cache.status(name) == "present"
    (problem,) = cache.rotten([name], ran_s=60.0)
    assert problem.startswith(f"artefact {name[:12]} was damaged on this worker")
    assert cache.rotten([name]) == []


def test_a_sound_artefact_stays_where_the_disk_is_full(
    cache: Cache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, _ = cache.adopt(write(tmp_path / "made", "best.pt"))

    def full(path: Path, data: bytes, **more: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    monkeypatch.setattr(artefacts, "write_whole", full)
    assert str(cache.verify_cached(name)).startswith("cannot check")
    assert cache.rotten([name]) == []
    assert (cache.path(name) / "best.pt").exists() and not cache.layout.set_aside(name).exists()
