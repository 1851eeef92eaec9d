"""A job may do anything to its copy of the snapshot; the next one gets it as it was."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import hypothesis
import pytest
from hypothesis import strategies as st

from worker_agent.attempts.private_copy import (
    Difference,
    PrivateCopy,
    copy_of_earlier,
    difference,
    is_as_copied,
    make_copy,
    restore,
)

LONG_AGO = 0
"""As the start of a job: nothing is as old as to be told by its times alone."""
LATER = 2**62


def remove(path: str) -> None:
    if os.path.isdir(path) and not os.path.islink(path):  # noqa: PTH112, PTH114
        shutil.rmtree(path)
    else:
        Path(path).unlink()


class Place:
    """A snapshot in a cache, data beside it, and a working directory."""

    def __init__(self, root: Path) -> None:
        self.cached, self.data, self.work = root / "cached", root / "data", root / "work"
        for folder in (self.cached / "pkg" / "deep", self.data, self.work, self.cached / "empty"):
            folder.mkdir(parents=True)
        files = {
            "train.py": "import pkg",
            "pkg/__init__.py": "",
            "pkg/deep/model.py": "x = 1",
            "run.sh": "#!",
        }
        for name, text in files.items():
            (self.cached / name).write_text(text)
            (self.cached / name).chmod(0o555 if name == "run.sh" else 0o444)
        (self.data / "rows.csv").write_text("1,2")
        shown = {path.name: path for path in self.cached.iterdir()}
        self.copy = make_copy(self.work, shown, {"data/here": self.data})

    def difference(self, since_ns: int = LATER) -> Difference:
        return difference(self.copy, self.work, since_ns)

    def restore(self) -> None:
        restore(self.copy, self.work, self.difference(LONG_AGO), remove)

    def tree(self) -> dict[str, object]:
        return dict(self._rows(self.work, ""))

    def _rows(self, folder: Path, prefix: str) -> Iterator[tuple[str, object]]:
        for path in sorted(folder.iterdir()):
            name = f"{prefix}{path.name}"
            if path.is_symlink():
                yield name, path.readlink()
            elif path.is_dir():
                yield name, path.stat().st_mode
                yield from self._rows(path, f"{name}/")
            else:
                yield name, (path.read_bytes(), path.stat().st_mode, path.stat().st_mtime_ns)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_a_copy_shows_what_is_in_the_cache_and_can_be_written_to(place: Place) -> None:
    assert (place.work / "pkg" / "deep" / "model.py").read_text() == "x = 1"
    assert (place.work / "empty").is_dir() and (place.work / "data" / "here" / "rows.csv").exists()
    assert not place.difference() and not place.difference(LONG_AGO)
    assert (place.work / "train.py").stat().st_mode & 0o222
    assert (place.work / "run.sh").stat().st_mode & 0o111 and not (
        place.work / "train.py"
    ).stat().st_mode & 0o111
    assert (place.work / "train.py").stat().st_mtime_ns == (place.cached / "train.py").stat().st_mtime_ns


def write(path: Path, text: str) -> None:
    path.write_text(text)


DEEDS: list[tuple[Callable[[Path], object], Difference]] = [
    (lambda work: write(work / "train.py", "import os"), Difference(changed=("train.py",))),
    (lambda work: write(work / "new.txt", ""), Difference(added=("new.txt",))),
    (lambda work: (work / "runs" / "1").mkdir(parents=True), Difference(added=("runs",))),
    (lambda work: (work / "train.py").unlink(), Difference(missing=("train.py",))),
    (lambda work: (work / "train.py").rename(work / "old.py"), Difference((), ("old.py",), ("train.py",))),
    (lambda work: os.link(work / "train.py", work / "again.py"), Difference(("train.py",), ("again.py",))),
    (lambda work: (work / "train.py").chmod(0o600), Difference(changed=("train.py",))),
    (lambda work: (work / "empty").rmdir(), Difference(missing=("empty",))),
    (lambda work: (work / "latest").symlink_to("train.py"), Difference(added=("latest",))),
    (lambda work: os.mkfifo(work / "pipe"), Difference(added=("pipe",))),
    (lambda work: (work / "data" / "mine").mkdir(), Difference(added=("data/mine",))),
    (lambda work: (work / "data" / "here").unlink(), Difference(missing=("data/here",))),
]


@pytest.mark.parametrize(("deed", "found"), DEEDS)
def test_what_a_job_does_is_seen_and_undone(
    place: Place, deed: Callable[[Path], object], found: Difference
) -> None:
    before = place.tree()
    deed(place.work)
    assert place.difference() == found
    place.restore()
    assert place.tree() == before and not place.difference()


def test_a_file_put_in_the_place_of_a_folder_is_undone(place: Place) -> None:
    before = place.tree()
    shutil.rmtree(place.work / "pkg")
    (place.work / "pkg").write_text("mine")
    assert place.difference().added == ("pkg",)
    place.restore()
    assert place.tree() == before


def test_a_folder_put_in_the_place_of_a_file_or_opened_to_others_is_undone(place: Place) -> None:
    before = place.tree()
    (place.work / "train.py").unlink()
    (place.work / "train.py").mkdir()
    (place.work / "pkg").chmod(0o700)
    place.restore()
    assert place.tree() == before


def test_the_cache_and_the_data_are_never_touched(place: Place) -> None:
    for path in [*place.work.rglob("*.py")]:
        path.write_text("changed")
    (place.work / "data" / "here").unlink()
    place.restore()
    assert (place.cached / "train.py").read_text() == "import pkg"
    assert (place.data / "rows.csv").read_text() == "1,2"


def test_a_change_within_a_tick_of_the_start_is_found_by_its_content(place: Place) -> None:
    """The times and the size are as they were, as after a write within the clock's tick."""
    path = place.work / "train.py"
    path.write_text("import pgk")
    os.utime(path, ns=(0, (place.cached / "train.py").stat().st_mtime_ns))
    status = path.stat()
    inode, size, times, mode, links = place.copy.looks["train.py"]
    place.copy.looks["train.py"] = (inode, size, (times[0], status.st_ctime_ns), mode, links)
    assert not place.difference(since_ns=status.st_ctime_ns + 10**9)
    assert place.difference(since_ns=status.st_ctime_ns).changed == ("train.py",)


def test_python_s_own_caches_are_left_alone(place: Place) -> None:
    (place.work / "pkg" / "__pycache__").mkdir()
    (place.work / "pkg" / "__pycache__" / "model.pyc").write_bytes(b"")
    assert not place.difference()


def test_a_touched_file_that_holds_what_it_held_can_be_told(place: Place) -> None:
    os.utime(place.work / "train.py")
    write(place.work / "run.sh", "#?")
    assert place.difference().changed == ("run.sh", "train.py")
    assert is_as_copied(place.copy, place.work, "train.py") and not is_as_copied(
        place.copy, place.work, "run.sh"
    )


def test_a_large_file_is_copied_whole(tmp_path: Path) -> None:
    (tmp_path / "large.bin").write_bytes(os.urandom(3 << 20))
    (tmp_path / "work").mkdir()
    make_copy(tmp_path / "work", {"large.bin": tmp_path / "large.bin"}, {})
    assert (tmp_path / "work" / "large.bin").read_bytes() == (tmp_path / "large.bin").read_bytes()


def test_a_link_below_what_is_copied_hides_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "cached").mkdir()
    (tmp_path / "cached" / "readme.txt").write_text("data")
    (tmp_path / "work").mkdir()
    copy = make_copy(tmp_path / "work", {"data": tmp_path / "cached"}, {"data/x": tmp_path})
    assert isinstance(copy, PrivateCopy)
    assert sorted(path.name for path in (tmp_path / "work" / "data").iterdir()) == ["readme.txt", "x"]


NAMES = [
    "train.py",
    "pkg",
    "pkg/__init__.py",
    "pkg/deep",
    "pkg/deep/model.py",
    "empty",
    "data",
    "data/here",
    "new",
    "pkg/new",
]


def _do(work: Path, verb: str, name: str) -> None:
    path = work / name
    if verb == "write" and path.is_file():
        path.write_text("x")
    elif verb == "remove" and path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    elif verb == "remove" and os.path.lexists(path):
        path.unlink()
    elif verb == "chmod" and path.exists() and not path.is_symlink():
        path.chmod(0o711)
    elif path.parent.is_dir() and not os.path.lexists(path):
        {
            "file": lambda: path.write_text(""),
            "folder": path.mkdir,
            "link": lambda: path.symlink_to("/nowhere"),
        }.get(verb, lambda: None)()


deeds = st.lists(
    st.tuples(
        st.sampled_from(["write", "remove", "chmod", "file", "folder", "link"]), st.sampled_from(NAMES)
    ),
    max_size=8,
)


@hypothesis.settings(max_examples=60)
@hypothesis.given(deeds)
def test_whatever_is_done_is_undone(
    tmp_path_factory: pytest.TempPathFactory, done: list[tuple[str, str]]
) -> None:
    root = tmp_path_factory.mktemp("place")
    try:
        place = Place(root)
        before = place.tree()
        for verb, name in done:
            _do(place.work, verb, name)
        place.restore()
        assert place.tree() == before
        assert not place.difference()
    finally:
        shutil.rmtree(root)


def test_what_an_earlier_agent_copied_is_known_again_by_its_content(tmp_path: Path) -> None:
    place = Place(tmp_path)
    (place.work / "new.txt").write_text("n")
    (place.work / "train.py").chmod(0o644)
    (place.work / "train.py").write_text("import other")
    (place.work / "pkg/deep/model.py").unlink()
    (place.work / "run.sh").touch()
    shown = {path.name: path for path in place.cached.iterdir()}
    again = copy_of_earlier(str(place.work), shown, {"data/here": place.data})
    assert again.links == place.copy.links and again.folders == place.copy.folders
    assert difference(again, str(place.work), LATER) == Difference(
        changed=("train.py",), added=("new.txt",), missing=("pkg/deep/model.py",)
    )
