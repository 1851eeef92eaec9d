"""What an attempt used counts as it was to its end."""

from __future__ import annotations

import math
import os
from dataclasses import replace
from pathlib import Path

import pytest

from tests.unit.worker_agent.cache.test_artefacts import rot
from tests.unit.worker_agent.protocol.test_digests import write
from worker_agent.cache.artefacts import Cache
from worker_agent.cache.use import Damage, Use, damage
from worker_agent.protocol.layout import WorkLayout


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(WorkLayout(tmp_path), "r1")


@pytest.fixture
def name(cache: Cache, tmp_path: Path) -> str:
    return cache.adopt(write(tmp_path / "made", "best.pt"))[0]


def used(cache: Cache, name: str, *, alone: bool = True) -> Use:
    """Return the use of a base model as it looks now."""
    changed = cache.status(name) == "unsure"
    return Use(frozenset({name}), name, is_changed=changed, is_alone=alone, ran_s=60.0)


def write_to(cache: Cache, name: str, text: str) -> None:
    path = cache.path(name) / "best.pt"
    path.chmod(0o644)
    path.write_text(text)


@pytest.mark.parametrize("failed", [False, True])
def test_what_is_as_it_was_costs_nothing(cache: Cache, name: str, failed: bool) -> None:
    use = used(cache, name)
    assert use.is_known(cache) and not use.is_changed and damage(cache, use, failed=failed) is None


@pytest.mark.parametrize("failed", [False, True])
def test_a_job_that_wrote_to_its_base_model_is_told_so(cache: Cache, name: str, failed: bool) -> None:
    write_to(cache, name, "mine")
    use = used(cache, name)
    assert use.is_changed and use.is_known(cache)
    found = damage(cache, use, failed=failed)
    assert found and found.is_jobs and found.spoils_checkpoint
    assert "was changed while the job ran" in found.problem and "not to be written to" in found.problem
    assert (cache.layout.set_aside(name) / "best.pt").read_text() == "mine"
    assert cache.status(name) == "missing"


def test_of_several_jobs_nobody_knows_which_has_written(cache: Cache, name: str) -> None:
    write_to(cache, name, "mine")
    uses = [used(cache, name, alone=False) for _ in range(2)]
    for use in uses:  # the second one finds nothing in its place any more
        found = damage(cache, use, failed=False)
        assert (
            found == Damage(found.problem if found else "") and "was damaged on this worker" in found.problem
        )


def test_what_another_machine_of_the_disk_has_too_may_be_its_jobs_doing(
    cache: Cache, name: str, tmp_path: Path
) -> None:
    os.link(cache.path(name) / "best.pt", tmp_path / "other_cache")
    write_to(cache, name, "mine, or its")
    found = damage(cache, used(cache, name), failed=False)
    assert found and not found.is_jobs and "was damaged on this worker" in found.problem
    assert cache.inspections.has_rotted(name)


def test_who_puts_another_file_in_the_place_of_one_that_others_have_has_done_it_here(
    cache: Cache, name: str, tmp_path: Path
) -> None:
    path = cache.path(name) / "best.pt"
    os.link(path, tmp_path / "other_cache")
    path.parent.chmod(0o755)
    path.unlink()
    path.write_text("mine")
    found = damage(cache, used(cache, name), failed=False)
    assert found and found.is_jobs and not cache.inspections.has_rotted("b" * 64)


def test_a_file_that_is_gone_is_a_change(cache: Cache, name: str) -> None:
    cache.path(name).chmod(0o755)
    (cache.path(name) / "best.pt").unlink()
    found = damage(cache, used(cache, name), failed=False)
    assert found and found.is_jobs


def test_what_was_only_touched_is_sound(cache: Cache, name: str) -> None:
    os.utime(cache.path(name) / "best.pt", ns=(1, 1))
    use = used(cache, name)
    assert use.is_changed and damage(cache, use, failed=False) is None


def test_no_success_counts_before_what_it_used_was_hashed_once(cache: Cache, name: str) -> None:
    rot(cache, name)
    later = Cache(cache.layout, "r2")
    use = used(later, name)
    assert not use.is_changed and not use.is_known(later)
    found = damage(later, use, failed=False)
    assert found and not found.is_jobs and later.status(name) == "missing"


def test_rot_that_was_found_before_an_attempt_began_is_not_its(
    cache: Cache, name: str, tmp_path: Path
) -> None:
    rot(cache, name)
    assert damage(cache, used(cache, name), failed=True)
    cache.adopt(write(tmp_path / "made", "best.pt"))
    use = used(cache, name)
    assert damage(cache, replace(use, ran_s=-math.inf), failed=False) is None
    assert damage(cache, use, failed=False)


def test_what_was_removed_under_a_job_is_the_places_where_the_job_failed(cache: Cache, name: str) -> None:
    cache.take(name, cache.layout.work_dir / "elsewhere")
    use = used(cache, name)
    assert damage(cache, use, failed=False) is None
    found = damage(cache, use, failed=True)
    assert found == Damage(
        f"artefact {name[:12]} was removed from this worker while the job ran", spoils_checkpoint=False
    )
