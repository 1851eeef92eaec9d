"""Prepared input between trainings: whole or not there, least recently used out, counted."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from trainers.common import prepared_cache
from trainers.common.prepared_cache import ENTRY, PreparedCache, key_of, open_cache

Make = Callable[[Path], Mapping[str, Any]]


def making(content: bytes = b"x" * 100, **facts: Any) -> Make:
    def make(folder: Path) -> Mapping[str, Any]:
        (folder / "rows").write_bytes(content)
        return facts

    return make


def key(number: int) -> str:
    return key_of("test", {"number": number})


@pytest.fixture
def cache(tmp_path: Path) -> PreparedCache:
    return PreparedCache(tmp_path / "cache", 600)


def test_what_was_made_is_found_again_with_its_facts(cache: PreparedCache) -> None:
    assert cache.find(key(1)) is None
    made = cache.add(key(1), 100, making(rows=3, scale=0.1))
    found = cache.find(key(1))
    assert found == made and found.facts == {"rows": 3, "scale": 0.1}
    assert found.file("rows").read_bytes() == b"x" * 100
    figures = cache.figures()
    assert (figures.entries, figures.hits, figures.misses, figures.hit_rate) == (1, 1, 1, 0.5)
    assert figures.bytes == 100 + found.file(ENTRY).stat().st_size


def test_what_is_not_whole_is_not_there(cache: PreparedCache) -> None:
    entry = cache.add(key(1), 100, making())
    entry.file("rows").write_bytes(b"half")
    assert cache.find(key(1)) is None
    entry.file("rows").write_bytes(b"y" * 100)
    assert cache.find(key(1)) is not None
    entry.file(ENTRY).write_text("{")
    assert cache.find(key(1)) is None


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_what_fails_leaves_nothing(cache: PreparedCache, error: BaseException) -> None:
    def fail(folder: Path) -> Mapping[str, Any]:
        (folder / "rows").write_bytes(b"half")
        raise error

    with pytest.raises(type(error)):
        cache.add(key(1), 100, fail)
    assert cache.find(key(1)) is None and not list(cache.folder.glob(".*"))


def test_what_was_not_used_for_longest_goes_first(
    cache: PreparedCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in (1, 2, 3):
        entry = cache.add(key(number), 150, making(b"x" * 150))
        os.utime(entry.file(ENTRY), (number, number))
    cache.find(key(1))
    assert cache.has_room(600) and not cache.has_room(601)
    cache.add(key(4), 150, making())
    there = [number for number in (1, 2, 3, 4) if (cache.folder / key(number)).exists()]
    assert there == [1, 3, 4]
    monkeypatch.setattr(prepared_cache, "SPARE", 1 << 60)
    assert not cache.has_room(1)


def test_who_comes_second_takes_the_first_ones_entry(cache: PreparedCache) -> None:
    def slow(folder: Path) -> Mapping[str, Any]:
        cache.add(key(1), 100, making(first=True))
        return making()(folder)

    assert cache.add(key(1), 100, slow).facts == {"first": True}
    assert not list(cache.folder.glob(".*"))


def test_clearing_tells_what_it_freed(cache: PreparedCache, tmp_path: Path) -> None:
    cache.add(key(1), 100, making())
    (cache.folder / "notes.txt").write_text("not ours")
    held = cache.figures().bytes
    assert cache.clear() == held > 100
    assert cache.figures().entries == cache.figures().misses == 0
    assert (cache.folder / "notes.txt").exists()


def test_an_entry_of_no_use_is_dropped(cache: PreparedCache) -> None:
    cache.add(key(1), 100, making())
    cache.drop(key(1))
    assert cache.find(key(1)) is None


def test_what_was_left_half_done_long_ago_goes(cache: PreparedCache) -> None:
    for name, age in (("old", 1), ("new", None)):
        folder = cache.folder / f"{prepared_cache.COMING}{name}"
        folder.mkdir()
        if age:
            os.utime(folder, (age, age))
    cache.add(key(1), 100, making())
    assert [path.name for path in cache.folder.glob(".*")] == [f"{prepared_cache.COMING}new"]


def test_a_file_is_read_again_only_where_it_looks_different(
    cache: PreparedCache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, now = tmp_path / "x", [0.0]
    path.write_bytes(b"abc")
    monkeypatch.setattr("time.time", lambda: path.stat().st_ctime + now[0])
    first = cache.content(path)
    monkeypatch.setattr(prepared_cache, "_digest", lambda _: "read again")
    assert cache.content(path) == "read again", "changed just now, so it was not kept"
    now[0] = 10.0
    monkeypatch.undo()
    monkeypatch.setattr("time.time", lambda: path.stat().st_ctime + now[0])
    assert cache.content(path) == first
    monkeypatch.setattr(prepared_cache, "_digest", lambda _: "read again")
    assert cache.content(path) == first
    path.write_bytes(b"abd")
    assert cache.content(path) == "read again"


def test_keys_tell_kinds_and_facts_apart() -> None:
    keys = [key_of("a", {"x": 1}), key_of("b", {"x": 1}), key_of("a", {"x": 1.0}), key_of("a", {"x": True})]
    assert len(set(keys)) == 4 and key_of("a", {"x": 1, "y": 2}) == key_of("a", {"y": 2, "x": 1})


def test_where_it_lies_and_why_it_does_not(tmp_path: Path) -> None:
    cache, _ = open_cache(None, {"XDG_CACHE_HOME": str(tmp_path)})
    assert cache is not None and cache.folder == tmp_path / "twophase" / "prepared"
    assert cache.limit == 20 << 30 and cache.folder.stat().st_mode & 0o777 == 0o700
    other, _ = open_cache(
        None, {"TWOPHASE_PREPARED_CACHE": str(tmp_path / "o"), "TWOPHASE_PREPARED_CACHE_GIB": "1"}
    )
    assert other is not None and (other.folder, other.limit) == (tmp_path / "o", 1 << 30)
    assert open_cache("off", {}) == (None, "")
    (tmp_path / "file").write_text("")
    none, why = open_cache(str(tmp_path / "file" / "below"), {})
    assert none is None and "file" in why
    none, why = open_cache(str(tmp_path / "o"), {"TWOPHASE_PREPARED_CACHE_GIB": "much"})
    assert none is None and "much" in why


def test_a_folder_that_others_may_write_to_is_not_used(tmp_path: Path) -> None:
    folder = tmp_path / "shared"
    folder.mkdir()
    folder.chmod(0o777)
    none, why = open_cache(str(folder), {})
    assert none is None and "others may write to it" in why
