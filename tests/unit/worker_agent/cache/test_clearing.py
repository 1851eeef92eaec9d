"""The cache is listed, hashed and cleared from outside of any run; what somebody uses stays."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from worker_agent.cache import clearing as module
from worker_agent.cache.artefacts import Cache
from worker_agent.cache.clearing import look
from worker_agent.cache.contents import CacheContents
from worker_agent.cache.leases import CacheLeases, alone, together
from worker_agent.protocol.layout import PUSHED, WorkLayout


@pytest.fixture
def layout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> WorkLayout:
    monkeypatch.setattr("worker_agent.cache.users.processes.processes", lambda: iter(()))
    return WorkLayout(tmp_path / "work")


def adopt(layout: WorkLayout, text: str, manifest: object = None) -> str:
    """Put a directory with one file into the cache, and a manifest beside it; return its hash."""
    made = layout.work_dir / "made"
    made.mkdir(parents=True)
    (made / "best.pt").write_text(text)
    name, _ = Cache(layout, "r0").adopt(made)
    if manifest is not None:
        layout.cached(name).chmod(0o700)
        (layout.cached(name) / "manifest.json").write_text(json.dumps(manifest))
    return name


def test_a_cache_that_nobody_ever_used_is_empty(layout: WorkLayout) -> None:
    assert look("ls", layout).items == [] and not layout.work_dir.exists()


def test_what_is_there_is_told_with_who_uses_it(layout: WorkLayout) -> None:
    one, other = adopt(layout, "weights", {"name": "cnn fold 0"}), adopt(layout, "else", {"name": ["odd"]})
    leases = CacheLeases(layout, "r1")
    leases.lease(one)
    found = {item.content_hash: item for item in look("ls", layout).items}
    assert (found[one].base_model, found[one].used_by) == ("cnn fold 0", ["run r1"])
    assert (found[other].used_by, found[other].removed) == ([], False) and found[other].bytes > 4
    assert found[one].used_at > 1e9 and look("ls", layout).free_bytes > 0
    leases.close()


def test_a_push_that_nobody_has_gone_on_with_is_cleared_away(
    layout: WorkLayout, monkeypatch: pytest.MonkeyPatch
) -> None:
    adopt(layout, "weights")
    half = layout.incoming(PUSHED, "a" * 64)
    half.mkdir(parents=True)
    look("clear", layout)
    assert half.is_dir(), "somebody may be at it"
    monkeypatch.setattr(module, "_ABANDONED_S", 0.0)
    look("clear-dry", layout)
    assert half.is_dir()
    look("clear", layout)
    assert not half.exists()


def test_clearing_removes_what_nobody_uses_and_a_dry_run_nothing(layout: WorkLayout) -> None:
    used, idle = adopt(layout, "used"), adopt(layout, "idle")
    leases = CacheLeases(layout, "r1")
    leases.lease(used)
    for what, is_there in (("clear-dry", True), ("clear", False)):
        found = {item.content_hash: item.removed for item in look(what, layout).items}
        assert found == {used: False, idle: True}
        assert layout.cached(idle).exists() is is_there and layout.cached(used).is_dir()
    assert not layout.run("cleared").exists() and [item.name for item in layout.cache.iterdir()]
    leases.close()
    assert [item.removed for item in look("clear", layout).items] == [True]
    assert list(layout.cache.iterdir()) == []


def test_what_an_earlier_clearing_left_is_deleted(layout: WorkLayout) -> None:
    contents = CacheContents(layout, module.CLEARED)
    left = contents.evict(adopt(layout, "idle"))
    assert look("clear-dry", layout).items == [] and left.is_dir()
    assert look("clear", layout).items == [] and not left.exists()


def test_what_takes_long_is_done_before_anybody_waits(
    layout: WorkLayout, monkeypatch: pytest.MonkeyPatch
) -> None:
    idle = adopt(layout, "idle")
    seen, counted = module.seen_in_use, CacheContents.entries

    def free(found: object) -> object:
        with alone(layout) as is_alone:
            assert is_alone
        return found

    monkeypatch.setattr(module, "seen_in_use", lambda layout: free(seen(layout)))
    monkeypatch.setattr(CacheContents, "entries", lambda self: free(counted(self)))
    assert [item.content_hash for item in look("clear", layout).items] == [idle]


def test_verifying_tells_damage_and_changes_nothing(layout: WorkLayout) -> None:
    good, bad = adopt(layout, "good"), adopt(layout, "bad")
    path = layout.cached(bad) / "best.pt"
    path.chmod(0o600)
    path.write_text("rot")
    found = {item.content_hash: item.problem for item in look("verify", layout).items}
    assert found[good] == "" and "its content hash is" in found[bad]
    assert path.read_text() == "rot"


def test_while_somebody_begins_to_use_something_nothing_is_removed(
    layout: WorkLayout, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_PATIENCE_S", 0.0)
    idle = adopt(layout, "idle")
    with together(layout), pytest.raises(OSError, match="try again"):
        look("clear", layout)
    assert layout.cached(idle).is_dir()
