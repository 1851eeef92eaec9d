"""What every session keeps, whatever carries it."""

from __future__ import annotations

import json
import os
import shutil
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from master.errors import RemoteError, SessionLost
from tests.contract.session_worlds import (
    BOTH_OUTPUTS,
    COPY_INPUT,
    ECHO,
    ENDLESS,
    EVERY_BYTE,
    EXIT_WITH,
    LAST_WORDS,
    MISSING,
    SAY_AND_END,
    SHOW_ARGUMENTS,
    World,
    fake_world,
    local_world,
    ssh_world,
)
from tests.support.needs import UnavailableError, missing
from tests.support.sshd import LoopbackSshd

ODD_ARGUMENTS = [
    "two words",
    "",
    "it's",
    'say "hi"',
    "line\nbreak",
    "$(touch /tmp/never) `id` $HOME ${x}",
    "~/x",
    "*",
    "a;b|c&d>e<f",
    "back\\slash",
    "größe 模型 🙂",
    "-n",
    "--",
    "\t!",
]
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


@pytest.fixture(scope="module")
def sshd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LoopbackSshd]:
    try:
        with LoopbackSshd(tmp_path_factory.mktemp("sshd"), "MaxStartups 100") as running:
            yield running
    except UnavailableError as reason:
        missing(str(reason))


@pytest.fixture(params=["local", "fake", pytest.param("ssh", marks=pytest.mark.ssh)])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    place = tmp_path / "worker"
    place.mkdir()
    if request.param == "ssh":
        with ssh_world(place, request.getfixturevalue("sshd")) as made:
            yield made
    else:
        with (local_world if request.param == "local" else fake_world)(place) as made:
            yield made


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


@pytest.mark.parametrize("code", [0, 1, 42, 255])
def test_the_exit_code_comes_back(world: World, code: int) -> None:
    ended = world.session.run([*EXIT_WITH, str(code)])
    assert (ended.exit_code, ended.argv) == (code, (*EXIT_WITH, str(code)))


def test_both_outputs_arrive_byte_for_byte(world: World) -> None:
    ended = world.session.run([*BOTH_OUTPUTS, "4096"])
    assert ended.stdout == EVERY_BYTE * 4096
    assert ended.stderr == (EVERY_BYTE * 4096)[::-1]


@pytest.mark.parametrize("data", [b"", b"\n", EVERY_BYTE * 12000], ids=["nothing", "line", "3 MB"])
def test_standard_input_is_passed_and_ends(world: World, data: bytes) -> None:
    assert world.session.run(COPY_INPUT, stdin=data).stdout == data


def test_input_that_nobody_reads_does_not_block(world: World) -> None:
    assert world.session.run([*EXIT_WITH, "3"], stdin=EVERY_BYTE * 20000).exit_code == 3


def test_arguments_arrive_as_they_are(world: World) -> None:
    ended = world.session.run([*SHOW_ARGUMENTS, *ODD_ARGUMENTS])
    assert json.loads(ended.stdout) == ODD_ARGUMENTS


def test_a_missing_program_is_exit_code_127(world: World) -> None:
    ended = world.session.run(MISSING)
    assert ended.exit_code == 127
    assert ended.stderr


def test_a_command_without_an_end_is_a_remote_error(world: World) -> None:
    with pytest.raises(RemoteError, match=r"no end after 0\.3 s"):
        world.session.run(ENDLESS, timeout_s=0.3)
    assert world.session.run([*EXIT_WITH, "0"]).exit_code == 0


def test_many_threads_may_run_at_once(world: World) -> None:
    def ask(number: int) -> int:
        return world.session.run([*EXIT_WITH, str(number)]).exit_code

    with ThreadPoolExecutor(20) as pool:
        assert list(pool.map(ask, range(60))) == list(range(60))


def test_a_channel_carries_bytes_both_ways(world: World) -> None:
    channel = world.session.open_channel(ECHO)
    for message in (b"one", b"\x00\xff\n", EVERY_BYTE * 64):
        channel.send(message)
        received = b""
        while len(received) < len(message):
            received += channel.receive()
        assert received == message


def test_a_channel_takes_more_than_any_buffer_holds(world: World) -> None:
    channel = world.session.open_channel(ECHO)
    message = EVERY_BYTE * 32768
    sender = threading.Thread(target=channel.send, args=(message,))
    sender.start()
    received = bytearray()
    while len(received) < len(message):
        received += channel.receive()
    sender.join()
    assert bytes(received) == message


def test_a_channel_ends_with_its_command(world: World) -> None:
    channel = world.session.open_channel(SAY_AND_END)
    if world.base == "/data":
        world.session.channels[-1].say(b"bye")  # type: ignore[attr-defined]
        world.session.channels[-1].end()  # type: ignore[attr-defined]
    assert b"".join(iter(channel.receive, b"")) == b"bye"
    assert channel.receive() == b""


def test_a_channel_tells_the_last_words_of_its_command(world: World) -> None:
    channel = world.session.open_channel(LAST_WORDS)
    if world.base == "/data":
        fake = world.session.channels[-1]  # type: ignore[attr-defined]
        fake.said = "cannot go on:\nno room"
        fake.end()
    assert channel.receive() == b""
    assert channel.last_words().splitlines()[-2:] == ["cannot go on:", "no room"]
    channel.close()


def test_closing_a_channel_wakes_the_receiver(world: World) -> None:
    channel = world.session.open_channel(ECHO)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(channel.receive)
        channel.close()
        assert waiting.result(timeout=30) == b""
    channel.close()
    assert channel.receive() == b""


def test_closing_a_channel_ends_a_command_that_ignores_its_input(world: World) -> None:
    channel = world.session.open_channel(ENDLESS)
    channel.close()
    assert channel.receive() == b""


def test_sending_after_close_says_that_the_session_is_lost(world: World) -> None:
    channel = world.session.open_channel(ECHO)
    channel.close()
    with pytest.raises(SessionLost):
        channel.send(b"x")


def test_closing_the_session_wakes_the_receiver_and_refuses_more(world: World) -> None:
    channel = world.session.open_channel(ECHO)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(channel.receive)
        world.session.close()
        assert waiting.result(timeout=30) == b""
    world.session.close()
    with pytest.raises(SessionLost):
        world.session.run([*EXIT_WITH, "0"])
    with pytest.raises(SessionLost):
        world.session.open_channel(ECHO)


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


@pytest.mark.parametrize("world", ["fake", pytest.param("ssh", marks=pytest.mark.ssh)], indirect=True)
def test_a_broken_link_is_a_lost_session(world: World) -> None:
    assert world.drop_link is not None
    channel = world.session.open_channel(ECHO)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(channel.receive)
        world.drop_link()
        with pytest.raises(SessionLost):
            waiting.result(timeout=30)
    with pytest.raises(SessionLost):
        channel.receive()
    with pytest.raises(SessionLost):
        channel.send(b"x")
    with pytest.raises(SessionLost):
        world.session.run([*EXIT_WITH, "0"])
