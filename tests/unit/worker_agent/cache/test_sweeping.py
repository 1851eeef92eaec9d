"""Rot is looked for in what nobody uses."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from tests.unit.worker_agent.cache.test_artefacts import rot
from tests.unit.worker_agent.protocol.test_digests import write
from worker_agent.cache.artefacts import Cache
from worker_agent.cache.sidecars import mark_of
from worker_agent.cache.sweeping import EVERY_S, sweep
from worker_agent.protocol.layout import WorkLayout


@pytest.fixture
def name(tmp_path: Path) -> str:
    """An artefact that an earlier agent has made."""
    return Cache(WorkLayout(tmp_path), "r0").adopt(write(tmp_path / "made", "best.pt"))[0]


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(WorkLayout(tmp_path), "r1")


def test_rot_in_what_nobody_uses_is_set_aside(cache: Cache, name: str) -> None:
    rot(cache, name)
    (problem,) = sweep(cache, name)
    assert "is set aside" in problem and cache.layout.set_aside(name).is_dir()
    assert cache.status(name) == "missing" and not mark_of(cache.layout, name).exists()


def test_what_is_sound_is_not_hashed_again_for_a_day_by_any_agent(cache: Cache, name: str) -> None:
    assert sweep(cache, name) == []
    rot(cache, name)
    assert sweep(cache, name) == []  # this agent knows it
    next_one = Cache(cache.layout, "r2")
    assert sweep(next_one, name) == []
    earlier = time.time() - EVERY_S - 1.0
    os.utime(mark_of(cache.layout, name), (earlier, earlier))
    assert sweep(next_one, name)


def test_a_time_in_the_future_is_no_reason_to_trust(cache: Cache, name: str) -> None:
    assert sweep(cache, name) == []
    later = time.time() + 3600.0
    os.utime(mark_of(cache.layout, name), (later, later))
    rot(cache, name)
    assert sweep(Cache(cache.layout, "r2"), name)


def test_what_is_gone_is_no_problem_and_leaves_nothing(cache: Cache, name: str) -> None:
    assert sweep(cache, name) == []
    gone = cache.contents.evict(name)
    assert gone.is_dir() and not mark_of(cache.layout, name).exists()
    assert sweep(Cache(cache.layout, "r2"), name) == []
    assert not mark_of(cache.layout, name).exists()
