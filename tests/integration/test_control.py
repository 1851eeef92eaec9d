"""A running master is asked over its socket."""

from __future__ import annotations

import socket
import stat
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from master.errors import TwophaseError, UsageError
from master.runs.control.answers import WHY
from master.runs.control.client import ask
from master.runs.control.place import connected, listening
from master.runs.control.server import ControlServer, is_ours
from master.runs.snapshot import SharedState
from master.storage.run_layout import RunLayout
from tests.unit.master.core.running.stage import Stage, job


@pytest.fixture
def layout(tmp_path: Path) -> RunLayout:
    """Return a run directory whose path is longer than the address of a socket may be."""
    found = RunLayout(tmp_path / ("long" * 30) / "run")
    found.state.mkdir(parents=True, mode=0o700)
    return found


@pytest.fixture
def master(layout: RunLayout) -> Iterator[ControlServer]:
    """Serve the state of a run in which a job waits for a worker."""
    server = ControlServer(layout, SharedState(Stage(job("alpha/job"), workers=["w1"]).state))
    yield server
    server.close()


def test_it_tells_why(layout: RunLayout, master: ControlServer) -> None:
    told = ask(layout, WHY, "alpha/job")
    assert told is not None
    assert told["cause"]["hindrances"][0] == {
        "worker": "w1",
        "obstacle": "connecting",
        "reason": "",
        "until": None,
    }
    assert [ask(layout, WHY, "alpha/job") is not None for _ in range(40)] == [True] * 40, "none is left over"


def test_what_it_does_not_know_is_one_line(layout: RunLayout, master: ControlServer) -> None:
    with pytest.raises(UsageError, match="no job `alpha/jab` in this run"):
        ask(layout, WHY, "alpha/jab")


def test_without_a_master_there_is_no_answer(layout: RunLayout, tmp_path: Path) -> None:
    assert ask(layout, WHY, "job") is None
    assert ask(RunLayout(tmp_path / "none"), WHY, "job") is None
    listening(layout).close()
    assert ask(layout, WHY, "job") is None, "the socket of a master that was killed"


def test_the_socket_of_a_master_that_was_killed_is_replaced(layout: RunLayout) -> None:
    listening(layout).close()
    server = ControlServer(layout, SharedState(Stage(job()).state))
    assert ask(layout, WHY, "job") is not None
    server.close()
    assert not (layout.state / "control").exists()


def test_it_is_for_its_user_alone(layout: RunLayout, master: ControlServer) -> None:
    assert stat.S_IMODE((layout.state / "control").stat().st_mode) == 0o600
    one, other = socket.socketpair(socket.AF_UNIX)
    with one, other:
        assert is_ours(one)


@pytest.mark.parametrize(
    "said", [b"\x00" * 100, b"GET / HTTP/1.1\r\n" + b"A: " + b"b" * 100_000, b"POST / HTTP/1.0\r\n\r\n"]
)
def test_whoever_says_something_else_disturbs_nobody(
    said: bytes, layout: RunLayout, master: ControlServer
) -> None:
    stranger = connected(layout)
    assert stranger is not None
    with stranger:
        stranger.sendall(said)
        assert ask(layout, WHY, "alpha/job") is not None


def test_a_master_that_hangs_up_is_told(layout: RunLayout) -> None:
    listener = listening(layout)
    with listener:
        listener.settimeout(5.0)

        def hang_up() -> None:
            listener.accept()[0].close()

        thread = threading.Thread(target=hang_up)
        thread.start()
        with pytest.raises(TwophaseError, match="gives no answer"):
            ask(layout, WHY, "job")
        thread.join()
