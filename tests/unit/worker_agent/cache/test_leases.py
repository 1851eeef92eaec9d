"""What agents tell each other of the cache that they share, by files and locks."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.attempt_paths import paths_of
from worker_agent.cache import leases
from worker_agent.cache.artefacts import Cache
from worker_agent.cache.leases import CacheLeases, alone, not_home_yet, together
from worker_agent.protocol.layout import WorkLayout


@pytest.fixture
def layout(tmp_path: Path) -> WorkLayout:
    return WorkLayout(tmp_path)


def test_what_one_uses_the_others_see_as_long_as_it_lives(layout: WorkLayout) -> None:
    one, other = CacheLeases(layout, "r1"), CacheLeases(layout, "r2")
    for name in ("aa", "bb", "aa"):
        one.lease(name)
    other.lease("cc")
    assert (one.names, one.leased_by_others(), other.leased_by_others()) == (
        {"aa", "bb"},
        {"cc"},
        {"aa", "bb"},
    )
    one.close()
    assert other.leased_by_others() == set()
    other.close()
    assert list(layout.leases.iterdir()) == []


def test_what_one_used_that_was_killed_is_forgotten(layout: WorkLayout) -> None:
    layout.leases.mkdir()
    (layout.leases / "r1").write_text("aa\n")
    later = CacheLeases(layout, "r2")
    assert later.leased_by_others() == set()
    assert [path.name for path in layout.leases.iterdir()] == ["r2"]
    later.close()


def test_an_agent_that_starts_again_uses_nothing_yet(layout: WorkLayout) -> None:
    layout.leases.mkdir()
    (layout.leases / "r1").write_text("aa\n")
    again, other = CacheLeases(layout, "r1"), CacheLeases(layout, "r2")
    assert (again.names, other.leased_by_others()) == (set(), set())
    again.close()
    other.close()


def test_one_is_alone_only_while_nobody_begins_to_use_anything(
    layout: WorkLayout, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases, "_PATIENCE_S", 0.0)
    with together(layout) as first, together(layout) as second, alone(layout) as lonely:
        assert (first, second, lonely) == (True, True, False)
    with alone(layout) as lonely, alone(layout) as other, together(layout) as many:
        assert (lonely, other, many) == (True, False, False)


def test_what_was_made_here_is_known_until_its_attempt_is_deleted(layout: WorkLayout) -> None:
    cache = Cache(layout, "r1")
    attempt = layout.attempt("r1", "base_models/x", 1)
    paths_of(attempt).base_model.mkdir(parents=True)
    paths_of(layout.attempt("r2", "alpha/job", 1)).root.mkdir(parents=True)
    (paths_of(attempt).base_model / "best.pt").write_text("weights")
    assert not_home_yet(layout) == set()
    name, _ = cache.adopt(paths_of(attempt).base_model)
    paths_of(attempt).base_model.symlink_to(cache.path(name))
    assert not_home_yet(layout) == {name}


def test_while_somebody_removes_things_a_lease_is_noted_and_not_trusted_yet(
    layout: WorkLayout, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases, "_PATIENCE_S", 0.0)
    one, other = CacheLeases(layout, "r1"), CacheLeases(layout, "r2")
    with alone(layout) as is_alone:
        assert is_alone and not one.lease("aa") and one.names == set()
    assert other.leased_by_others() == {"aa"}
    assert one.lease("aa") and one.lease("aa") and one.names == {"aa"}
    one.close()
    other.close()
