"""A worker that lies about files, for every kind of file that it sends: nothing but its own job suffers."""

from __future__ import annotations

import os
import socket
import stat
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Any

import pytest

from master.adapters.inbox import Received
from master.core.running import events as ev
from tests.support.courier_world import BASE, JOB, SPEC, CourierWorld, hash_of, put
from worker_agent.protocol.digests import FileDigest

ROOT = Path(__file__).resolve().parents[2]
Attack = Callable[[Path, Path], None]
"""Does harm in a folder that rsync fills; the second path is the head user's own file."""


@pytest.fixture
def world(tmp_path: Path) -> Iterator[CourierWorld]:
    found = CourierWorld(tmp_path)
    yield found
    found.courier.close()


@pytest.fixture
def precious(tmp_path: Path) -> Path:
    path = tmp_path / "home" / "bashrc"
    path.parent.mkdir()
    path.write_text("mine")
    path.chmod(0o600)
    return path


def link_in_place_of_a_file(staged: Path, precious: Path) -> None:
    (staged / "a").unlink()
    (staged / "a").symlink_to(precious)


def link_with_our_names(staged: Path, precious: Path) -> None:
    for name in ("manifest.json", "job.json", "twophase_job.json"):
        (staged / name).symlink_to(precious)


def link_to_a_folder(staged: Path, precious: Path) -> None:
    (staged / "deep").symlink_to(precious.parent, target_is_directory=True)


def file_that_nobody_announced(staged: Path, precious: Path) -> None:
    (staged / "manifest.json").write_text("{}")


def hidden_file_in_a_new_folder(staged: Path, precious: Path) -> None:
    (staged / "deep").mkdir()
    (staged / "deep" / ".x").write_text("x")


def other_bytes(staged: Path, precious: Path) -> None:
    (staged / "a").write_text("two")


def more_bytes(staged: Path, precious: Path) -> None:
    (staged / "a").write_bytes(b"one" * 1000)


def pipe(staged: Path, precious: Path) -> None:
    (staged / "a").unlink()
    os.mkfifo(staged / "a")


def folder_in_place_of_a_file(staged: Path, precious: Path) -> None:
    (staged / "a").unlink()
    (staged / "a").mkdir()


def nothing_at_all(staged: Path, precious: Path) -> None:
    (staged / "a").unlink()


def another_name_of_our_file(staged: Path, precious: Path) -> None:
    precious.write_text("one")
    (staged / "a").unlink()
    (staged / "a").hardlink_to(precious)
    precious.write_text("mine")


def another_name_of_equal_bytes(staged: Path, precious: Path) -> None:
    twin = precious.with_name("twin")
    twin.write_text("one")
    (staged / "a").unlink()
    (staged / "a").hardlink_to(twin)


def socket_in_place_of_a_file(staged: Path, precious: Path) -> None:
    (staged / "a").unlink()
    here = Path.cwd()
    os.chdir(staged)  # the names of sockets are short
    try:
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind("a")
    finally:
        os.chdir(here)


def device_in_place_of_a_file(staged: Path, precious: Path) -> None:
    (staged / "a").unlink()
    try:
        os.mknod(staged / "a", 0o666 | stat.S_IFCHR, os.makedev(1, 5))
    except PermissionError:
        pytest.skip("only root can make devices")


def long_name_in_deep_folders(staged: Path, precious: Path) -> None:
    folder = staged.joinpath(*["x" * 200] * 10)
    folder.mkdir(parents=True)
    (folder / ("y" * 255)).write_text("x")


def name_of_several_lines(staged: Path, precious: Path) -> None:
    (staged / "a\nlab2: down").write_text("x")


ATTACKS: tuple[Attack, ...] = (
    another_name_of_our_file,
    another_name_of_equal_bytes,
    socket_in_place_of_a_file,
    device_in_place_of_a_file,
    long_name_in_deep_folders,
    name_of_several_lines,
    link_in_place_of_a_file,
    link_with_our_names,
    link_to_a_folder,
    file_that_nobody_announced,
    hidden_file_in_a_new_folder,
    other_bytes,
    more_bytes,
    pipe,
    folder_in_place_of_a_file,
    nothing_at_all,
)


def send_output(world: CourierWorld) -> None:
    world.collect({"files": world.produce(a="one")})


def send_log(world: CourierWorld) -> None:
    (row,) = put(Path(world.attempt().log_folder), {"a": "one"})
    world.collect({"log": row})


def send_base_model(world: CourierWorld) -> None:
    rows = put(world.remote / "made", {"a": "one"})
    name = hash_of(world.remote / "made")
    put(world.remote / "work" / "cache" / name, {"a": "one"})
    world.collect({"base_model": {"content_hash": name, "files": rows}}, job_id=BASE)


def send_checkpoint(world: CourierWorld) -> None:
    rows = put(world.remote / "work" / "x", {"a": "one"})
    name = hash_of(world.remote / "work" / "x")
    world.collect_failed({"checkpoint": {"content_hash": name, "files": rows}})


PLACES = (send_output, send_log, send_base_model, send_checkpoint)


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda it: it.__name__)
@pytest.mark.parametrize("send", PLACES, ids=lambda it: it.__name__)
def test_what_was_not_announced_is_refused(
    world: CourierWorld,
    precious: Path,
    monkeypatch: pytest.MonkeyPatch,
    send: Callable[[CourierWorld], None],
    attack: Attack,
) -> None:
    def hostile(source: str, target: Path, names: Collection[str], most: int) -> None:
        target.mkdir(parents=True, exist_ok=True)
        (target / "a").write_text("one")
        attack(target, precious)

    monkeypatch.setattr(world.session, "pull", hostile)
    send(world)
    last = await_end(world)
    assert isinstance(last, ev.CollectionFailed | ev.CheckpointSettled | ev.Collected)
    assert isinstance(last, ev.Collected) == (send is send_log), "a log that is lost costs no result"
    assert (precious.read_text(), precious.stat().st_mode & 0o777) == ("mine", 0o600)
    assert world.result() == {} and not world.layout.base_model(SPEC).exists()
    assert not world.layout.log(JOB, 1).exists() and world.checkpoints.newest(JOB) is None


def await_end(world: CourierWorld) -> ev.Event:
    while True:
        item = world.inbox.get(timeout=20)
        if isinstance(item, Received):
            return item.event


@pytest.mark.parametrize(
    "rows",
    [[["a", 3, "0"], ["a/b", 3, "0"]], [["a", 3, "0"], ["a", 3, "1"]]],
    ids=["a file and a folder", "twice"],
)
def test_files_that_cannot_all_be_there_are_not_asked_for(world: CourierWorld, rows: list[Any]) -> None:
    world.collect({"files": rows})
    failed = world.event()
    assert isinstance(failed, ev.CollectionFailed) and "announced" in failed.problem
    assert world.session.calls == []


@pytest.mark.parametrize("name", ["x" * 300, "\ud800x", ".", "a/./b", "a//b", "a/", "../a", "/a", "a\0b", ""])
def test_names_that_no_file_has_are_no_message(name: str) -> None:
    with pytest.raises(ValueError, match="unsafe path"):
        FileDigest.from_row([name, 1, "0"])


def test_a_base_model_with_our_manifest_is_refused(world: CourierWorld) -> None:
    rows = put(world.remote / "made", {"a": "one", "manifest.json": "{}"})
    world.collect(
        {"base_model": {"content_hash": hash_of(world.remote / "made"), "files": rows}}, job_id=BASE
    )
    failed = world.event()
    assert isinstance(failed, ev.CollectionFailed) and "cannot be" in failed.problem


@pytest.mark.parametrize("mode", [0o6755, 0o4711, 0o777, 0o1666, 0o2070])
@pytest.mark.parametrize("send", PLACES, ids=lambda it: it.__name__)
def test_modes_do_not_travel(
    world: CourierWorld, monkeypatch: pytest.MonkeyPatch, send: Callable[[CourierWorld], None], mode: int
) -> None:
    def hostile(source: str, target: Path, names: Collection[str], most: int) -> None:
        target.mkdir(parents=True, exist_ok=True)
        for name in names:
            (target / name).write_text("one")
            (target / name).chmod(mode)
        target.chmod(0o777)

    monkeypatch.setattr(world.session, "pull", hostile)
    send(world)
    await_end(world)
    files = [path for path in world.layout.root.rglob("*") if path.is_file() and path.read_bytes() == b"one"]
    assert files, "it was taken in"
    for path in files:
        assert not path.stat().st_mode & (stat.S_ISUID | stat.S_ISGID | 0o022)
        assert not path.parent.stat().st_mode & 0o022


@pytest.mark.parametrize("name", ["a\nlab2: down", "-rf", "$(id)", "a'b\"", " ", "…" * 80])
def test_odd_names_that_were_announced_are_names_below_the_result(world: CourierWorld, name: str) -> None:
    world.collect({"files": world.produce(**{name: "one"})})
    assert isinstance(await_end(world), ev.Collected)
    assert world.result() == {name: "one"}


def test_the_guide_tells_how_many_files_were_tried() -> None:
    told = f"{len(ATTACKS) * len(PLACES)} files and folders"
    assert told in " ".join((ROOT / "docs" / "security.md").read_text().split()), told
