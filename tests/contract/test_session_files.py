"""What every session keeps of files, whatever carries it."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from master.errors import RemoteError
from tests.contract.session_worlds import EVERY_BYTE, World

ODD_NAMES = [
    "two words",
    "it's",
    'a"b',
    "new\nline",
    "-rf",
    "$(id)",
    "größe",
    "*",
    ":colon",
    "back\\slash",
    "#x",
]


def snapshot(directory: Path) -> dict[str, tuple[str, object]]:
    """Return everything below a directory that a transfer must carry."""
    found: dict[str, tuple[str, object]] = {}
    for path in sorted(directory.rglob("*")):
        name = str(path.relative_to(directory))
        if path.is_symlink():
            found[name] = ("link", str(path.readlink()))
        elif path.is_dir():
            found[name] = ("directory", path.stat().st_mode & 0o777)
        else:
            found[name] = (path.read_bytes().hex(), path.stat().st_mode & 0o777)
    return found


def make_tree(directory: Path) -> Path:
    for name in ODD_NAMES:
        (directory / "odd" / name).mkdir(parents=True)
        (directory / "odd" / name / f"{name}.bin").write_bytes(name.encode())
    (directory / "empty" / "below").mkdir(parents=True)
    (directory / "zero").touch()
    (directory / "bytes").write_bytes(EVERY_BYTE * 4096)
    (directory / "tool").write_text("#!/bin/sh\n")
    (directory / "tool").chmod(0o755)
    (directory / "secret").write_text("x")
    (directory / "secret").chmod(0o600)
    (directory / "to file").symlink_to("tool")
    (directory / "to directory").symlink_to("odd", target_is_directory=True)
    (directory / "to nowhere").symlink_to("/no/such/place")
    return directory


def pushed(world: World, source: Path, target: str) -> dict[str, tuple[str, object]]:
    world.session.push(source, target)
    return snapshot(world.there(target))


def sizes(directory: Path) -> dict[str, int]:
    found = (path for path in directory.rglob("*") if path.is_file() and not path.is_symlink())
    return {str(path.relative_to(directory)): path.stat().st_size for path in found}


def test_a_tree_arrives_equal(world: World, tmp_path: Path) -> None:
    source = make_tree(tmp_path / "source")
    assert pushed(world, source, f"{world.base}/new parent/it's") == snapshot(source)


def test_files_that_are_named_come_and_nothing_else(world: World, tmp_path: Path) -> None:
    source, back = make_tree(tmp_path / "source"), tmp_path / "back"
    (source / "tool").chmod(0o6777)
    world.session.push(source, f"{world.base}/new parent/it's")
    wanted = {name: size for name, size in sizes(source).items() if name != "secret"}
    world.session.pull(f"{world.base}/new parent/it's", back, [*wanted], 1 << 30)
    assert sizes(back) == wanted
    assert all((back / name).read_bytes() == (source / name).read_bytes() for name in wanted)
    assert (back / "tool").stat().st_mode & 0o100 and not (back / "bytes").stat().st_mode & 0o111
    assert not any(path.is_symlink() for path in back.rglob("*"))


def test_links_and_what_is_larger_than_was_said_stay_behind(world: World, tmp_path: Path) -> None:
    source, back = make_tree(tmp_path / "source"), tmp_path / "back"
    world.session.push(source, f"{world.base}/target")
    world.session.pull(f"{world.base}/target", back, ["to file", "bytes", "secret"], 100)
    assert sizes(back) == {"secret": 1} and not (back / "to file").is_symlink()


def test_what_came_already_is_made_right(world: World, tmp_path: Path) -> None:
    source, back = make_tree(tmp_path / "source"), tmp_path / "back"
    world.session.push(source, f"{world.base}/target")
    wanted = sizes(source)
    world.session.pull(f"{world.base}/target", back, [*wanted], 1 << 30)
    before = (back / "bytes").stat()
    (back / "bytes").write_bytes(bytes(reversed((back / "bytes").read_bytes())))
    os.utime(back / "bytes", ns=(before.st_atime_ns, before.st_mtime_ns))
    world.session.pull(f"{world.base}/target", back, [*wanted], 1 << 30)
    assert (back / "bytes").read_bytes() == (source / "bytes").read_bytes()


def test_a_path_below_the_home_directory(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir()
    source = make_tree(tmp_path / "source")
    target = f"~/{tmp_path.name}/two words"
    assert pushed(world, source, target) == snapshot(source)


def test_the_target_becomes_equal_whatever_was_there(world: World, tmp_path: Path) -> None:
    source, target = make_tree(tmp_path / "source"), f"{world.base}/target"
    world.session.push(source, target)
    same = source / "bytes"
    before = same.stat()
    same.write_bytes(bytes(reversed(same.read_bytes())))
    os.utime(same, ns=(before.st_atime_ns, before.st_mtime_ns))
    (source / "tool").chmod(0o644)
    (source / "zero").unlink()
    shutil.rmtree(source / "odd" / "two words")
    (source / "odd" / "two words").write_text("now a file")
    (source / "to file").unlink()
    (source / "to file").mkdir()
    (source / "to nowhere").unlink()
    (source / "to nowhere").symlink_to("elsewhere")
    shutil.rmtree(source / "empty")
    assert pushed(world, source, target) == snapshot(source)
    (source / "bytes").unlink()
    assert pushed(world, source, target) == snapshot(source)


def test_a_copy_of_a_read_only_folder_can_be_written_to(world: World, tmp_path: Path) -> None:
    source = make_tree(tmp_path / "source")
    for folder in (source / "odd", source):
        folder.chmod(0o555)
    try:
        world.session.push(source, f"{world.base}/target")
    finally:
        source.chmod(0o755)
        (source / "odd").chmod(0o755)
    target = world.there(f"{world.base}/target")
    assert all((target / name).stat().st_mode & 0o700 == 0o700 for name in (".", "odd", "empty"))


def test_a_pushed_file_is_no_hard_link(world: World, tmp_path: Path) -> None:
    source = make_tree(tmp_path / "source")
    world.session.push(source, f"{world.base}/target")
    with (source / "secret").open("r+") as file:
        file.write("y")
    assert (world.there(f"{world.base}/target") / "secret").read_text() == "x"


def test_a_place_that_cannot_be_written_is_a_remote_error(world: World, tmp_path: Path) -> None:
    source = make_tree(tmp_path / "source")
    world.session.push(source, f"{world.base}/target")
    with pytest.raises(RemoteError):
        world.session.push(source, f"{world.base}/target/secret/below a file")


def test_what_is_not_there_is_a_remote_error(world: World, tmp_path: Path) -> None:
    with pytest.raises(RemoteError):
        world.session.push(tmp_path / "nothing", f"{world.base}/target")
    with pytest.raises(RemoteError):
        world.session.pull(f"{world.base}/nothing", tmp_path / "back", ["x"], 1)
