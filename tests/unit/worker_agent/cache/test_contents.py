"""What lies in the cache, and its way out."""

from __future__ import annotations

import os
from pathlib import Path

from worker_agent.cache.artefacts import Cache
from worker_agent.cache.contents import CacheContents
from worker_agent.protocol.layout import WorkLayout


def cache_in(root: Path) -> Cache:
    return Cache(WorkLayout(root), "r1")


def test_size_and_age_of_what_is_there(tmp_path: Path) -> None:
    cache = cache_in(tmp_path)
    made = tmp_path / "made"
    made.mkdir()
    (made / "best.pt").write_text("weights")
    (made / "more").write_text("x" * 100)
    assert cache.contents.entries() == []
    name, _ = cache.adopt(made)
    (entry,) = cache.contents.entries()
    assert (entry.name, entry.size) == (name, 107)
    cache.contents.touch([name, "0" * 64])
    assert cache.contents.entries()[0].used_at >= entry.used_at
    gone = cache.contents.evict(name)
    assert (cache.status(name), cache.contents.entries(), cache.contents.left_over()) == (
        "missing",
        [],
        [gone],
    )
    assert (gone / "best.pt").read_text() == "weights"


def test_what_has_no_note_beside_it_counts_too(tmp_path: Path) -> None:
    cache = cache_in(tmp_path)
    cache.path("a" * 64).mkdir(parents=True)
    (cache.path("a" * 64) / "f").write_text("four")
    assert [(entry.name, entry.size) for entry in cache.contents.entries()] == [("a" * 64, 4)]
    cache.contents.evict("a" * 64)
    assert cache.contents.entries() == []


def test_an_empty_cache_holds_nothing(tmp_path: Path) -> None:
    contents = CacheContents(WorkLayout(tmp_path), "r1")
    assert (contents.hashes(), contents.entries(), contents.left_over()) == ([], [], [])


def test_the_note_beside_an_artefact_tells_of_its_last_use(tmp_path: Path) -> None:
    cache = cache_in(tmp_path)
    (tmp_path / "made").mkdir()
    name, _ = cache.adopt(tmp_path / "made")
    os.utime(cache.path(name).with_name(f"{name}.stat.json"), (1000.0, 1000.0))
    assert [entry.used_at for entry in cache.contents.entries()] == [1000.0]


def test_each_run_clears_up_what_it_took_out_itself(tmp_path: Path) -> None:
    cache, other = cache_in(tmp_path), CacheContents(WorkLayout(tmp_path), "r2")
    cache.path("a" * 64).mkdir(parents=True)
    gone = cache.contents.evict("a" * 64)
    assert (cache.contents.left_over(), other.left_over()) == ([gone], [])
