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


def test_the_place_is_made_for_us_alone_on_a_worker_that_had_nothing(layout: WorkLayout) -> None:
    found = placed(layout, "a" * 64)
    assert (found.folder, found.items) == (str(layout.work_dir), [])
    assert layout.incoming(PUSHED, "a" * 64).parent.is_dir()
    assert layout.work_dir.stat().st_mode & 0o77 == 0


def test_what_was_sent_is_there_and_need_not_be_sent_again(layout: WorkLayout, tmp_path: Path) -> None:
    name = content_hash(digest_directory(write(tmp_path / "made", "best.pt")))
    placed(layout, name)
    (tmp_path / "made").rename(layout.incoming(PUSHED, name))
    for found in (taken_in(layout, name), placed(layout, name)):
        (item,) = found.items
        assert (item.content_hash, item.bytes, item.problem) == (name, len("best.pt"), "")
    assert Cache(layout, "r1").status(name) == "present"
    (layout.cached(name).with_name(f"{name}.stat.json")).unlink()
    assert placed(layout, name).items, "it is hashed where that must be"


def test_what_is_not_what_its_hash_says_is_told_and_is_not_there(layout: WorkLayout) -> None:
    placed(layout, "a" * 64)
    write(layout.incoming(PUSHED, "a" * 64), "best.pt")
    (item,) = taken_in(layout, "a" * 64).items
    assert "instead of" in item.problem and not layout.cached("a" * 64).exists()
    assert placed(layout, "a" * 64).items == []
