"""What somebody sends for later jobs is checked, and is in the cache then."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.worker_agent.protocol.test_digests import write
from worker_agent.cache.artefacts import Cache
from worker_agent.cache.taking_in import placed, taken_in
from worker_agent.protocol.digests import content_hash, digest_directory
from worker_agent.protocol.layout import PUSHED, WorkLayout


@pytest.fixture
def layout(tmp_path: Path) -> WorkLayout:
    return WorkLayout(tmp_path / "lab1" / "work")


def test_the_place_is_made_for_us_alone_on_a_worker_that_had_nothing(
    layout: WorkLayout, tmp_path: Path
) -> None:
    found = placed(layout, "a" * 64, tmp_path)
    assert (found.folder, found.items) == (str(layout.work_dir), [])
    assert layout.incoming(PUSHED, "a" * 64).parent.is_dir()
    assert layout.work_dir.stat().st_mode & 0o77 == 0


def test_what_was_sent_is_there_and_need_not_be_sent_again(layout: WorkLayout, tmp_path: Path) -> None:
    name = content_hash(digest_directory(write(tmp_path / "made", "best.pt")))
    placed(layout, name, tmp_path)
    (tmp_path / "made").rename(layout.incoming(PUSHED, name))
    for found in (taken_in(layout, name, tmp_path), placed(layout, name, tmp_path)):
        (item,) = found.items
        assert (item.content_hash, item.bytes, item.problem) == (name, len("best.pt"), "")
    assert Cache(layout, "r1").status(name) == "present"
    (layout.cached(name).with_name(f"{name}.stat.json")).unlink()
    assert placed(layout, name, tmp_path).items, "it is hashed where that must be"


def test_what_is_not_what_its_hash_says_is_told_and_is_not_there(layout: WorkLayout, tmp_path: Path) -> None:
    placed(layout, "a" * 64, tmp_path)
    write(layout.incoming(PUSHED, "a" * 64), "best.pt")
    (item,) = taken_in(layout, "a" * 64, tmp_path).items
    assert "instead of" in item.problem and not layout.cached("a" * 64).exists()
    assert placed(layout, "a" * 64, tmp_path).items == []


def test_what_another_machine_of_the_disk_has_need_not_be_sent(layout: WorkLayout, tmp_path: Path) -> None:
    other = Cache(WorkLayout(tmp_path / "lab2" / "work"), "r1")
    other.layout.work_dir.mkdir(parents=True)
    name, _ = other.adopt(write(tmp_path / "made", "best.pt"))
    found = placed(layout, name, tmp_path)
    assert [item.content_hash for item in found.items] == [name] and len(found.disk) == 32
    ours = layout.cached(name) / "best.pt"
    assert ours.stat().st_ino == (other.path(name) / "best.pt").stat().st_ino
