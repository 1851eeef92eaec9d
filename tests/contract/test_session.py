"""What every session keeps, whatever carries it."""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor

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
)

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


@pytest.mark.ssh
@pytest.mark.parametrize("world", ["ssh"], indirect=True)
@pytest.mark.parametrize("aim", ["", ">&2"], ids=["output", "errors"])
def test_a_command_that_says_no_end_of_things_is_a_remote_error(world: World, aim: str) -> None:
    with pytest.raises(RemoteError, match="it says more than 16,777,216 bytes; killed"):
        world.session.run(["sh", "-c", f"exec cat /dev/zero {aim}"], timeout_s=60)
    assert world.session.run([*EXIT_WITH, "0"]).exit_code == 0


def test_many_threads_may_run_at_once(world: World) -> None:
    def ask(number: int) -> int:
        return world.session.run([*EXIT_WITH, str(number)]).exit_code

    with ThreadPoolExecutor(20) as pool:
        assert list(pool.map(ask, range(60))) == list(range(60))


def test_a_channel_carries_bytes_both_ways(world: World) -> None:
    channel = world.session.open_channel(ECHO)
    for message in (b"one" + world.line_end, b"\x00\xff\n", EVERY_BYTE * 64 + world.line_end):
        channel.send(message)
        received = b""
        while len(received) < len(message):
            received += channel.receive()
        assert received == message


def test_a_channel_takes_more_than_any_buffer_holds(world: World) -> None:
    channel = world.session.open_channel(ECHO)
    message = EVERY_BYTE * 32768 + world.line_end
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


@pytest.mark.parametrize("world", ["local", pytest.param("ssh", marks=pytest.mark.ssh)], indirect=True)
def test_a_command_that_takes_nothing_is_given_up(world: World) -> None:
    """An agent that is frozen: what is sent fills all buffers on the way, and nobody reads them."""
    channel = world.session.open_channel(ENDLESS)
    channel.stuck_s = 0.5  # type: ignore[attr-defined]
    with pytest.raises(SessionLost, match=r"it takes nothing for 0\.5 s"):
        channel.send(EVERY_BYTE * 65536)
    channel.close()
