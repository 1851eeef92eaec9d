"""What jobs have made can be deleted."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from worker_agent.system.remove_tree import remove_tree

NOBODY = 65534


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty working directory of somebody to whom permissions matter."""
    monkeypatch.chdir(tmp_path)
    if os.geteuid() != 0:
        yield Path()
        return
    os.chown(tmp_path, NOBODY, NOBODY)
    os.seteuid(NOBODY)
    try:
        yield Path()
    finally:
        os.seteuid(0)


@pytest.mark.parametrize("mode", [0o000, 0o500])
def test_closed_folders_are_deleted_and_what_links_point_to_is_not(here: Path, mode: int) -> None:
    for name in ("tree/a/b/c", "elsewhere"):
        (here / name).mkdir(parents=True)
    (here / "elsewhere" / "kept").touch()
    (here / "elsewhere").chmod(0o755)
    (here / "tree" / "a" / "link").symlink_to((here / "elsewhere").absolute())
    for name in ("tree/a/b", "tree/a", "tree"):
        (here / name).chmod(mode)
    remove_tree(here / "tree")
    assert not (here / "tree").exists()
    assert (here / "elsewhere" / "kept").exists()
    assert (here / "elsewhere").stat().st_mode & 0o777 == 0o755


def test_a_link_and_nothing_are_left_as_they_are(here: Path) -> None:
    (here / "kept").mkdir()
    (here / "link").symlink_to("kept")
    remove_tree(here / "link")
    remove_tree(here / "nothing")
    assert (here / "kept").is_dir()
