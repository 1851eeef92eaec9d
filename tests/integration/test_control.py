"""A running master is asked over its socket."""

from __future__ import annotations

import os
import socket
import stat
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from queue import SimpleQueue

import pytest

from master.adapters.inbox import Asked, Inbox
from master.core.running.orders.order import By, CancelJobs, Ordered, Reply, Said
from master.errors import ConfigError, NoMaster, TwophaseError, UsageError
from master.runs.control import server as server_module
from master.runs.control.answers import TIME_LEFT, WHY
from master.runs.control.client import add_jobs, ask, order
from master.runs.control.log_client import followed
from master.runs.control.log_streams import MOST
from master.runs.control.place import connected, is_ours, listening, peer_of
from master.runs.control.server import ControlServer
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
def inbox() -> Inbox:
    return SimpleQueue()


@pytest.fixture
def master(layout: RunLayout, inbox: Inbox) -> Iterator[ControlServer]:
    """Serve the state of a run in which a job waits for a worker."""
    server = ControlServer(layout, SharedState(Stage(job("alpha/job"), workers=["w1"]).state), inbox)
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
        "by": "",
        "since": None,
    }
    assert [ask(layout, WHY, "alpha/job") is not None for _ in range(40)] == [True] * 40, "none is left over"


def test_what_it_does_not_know_is_one_line(layout: RunLayout, master: ControlServer) -> None:
    with pytest.raises(UsageError, match="no job `alpha/jab` in this run"):
        ask(layout, WHY, "alpha/jab")


def test_a_log_is_followed_to_the_end_also_where_the_master_ends_then(layout: RunLayout) -> None:
    stage = Stage(job("alpha/job"), workers=["w1"])
    log = layout.log("alpha/job", 1)
    log.parent.mkdir(parents=True)
    log.write_bytes(b"one\ntwo\n")
    server = ControlServer(layout, shared := SharedState(stage.state), SimpleQueue())
    frames = followed(layout, "alpha/job", 1)
    assert frames is not None and "waits" in next(frames)
    with shared.changing():
        stage.up("w1")
        stage.run_on("w1", "alpha/job", 1)
        stage.ended("w1", "alpha/job", 1)
        stage.home("alpha/job", 1)
    server.close()
    assert [sorted(frame) for frame in frames][-1] == ["attempt", "end", "note"]


def test_a_log_of_no_job_and_one_too_many_are_one_line(layout: RunLayout, master: ControlServer) -> None:
    with pytest.raises(UsageError, match="no job `alpha/jab` in this run"):
        followed(layout, "alpha/jab", None)
    many = [followed(layout, "alpha/job", None) for _ in range(MOST)]
    assert all(frames is not None and next(frames) for frames in many)
    with pytest.raises(TwophaseError, match="follow logs of this run already: end one"):
        followed(layout, "alpha/job", None)
    assert ask(layout, WHY, "alpha/job") is not None, "who asks is heard all the same"


def test_without_a_master_there_is_no_answer(layout: RunLayout, tmp_path: Path) -> None:
    assert ask(layout, WHY, "job") is None and followed(layout, "job", None) is None
    assert ask(RunLayout(tmp_path / "none"), WHY, "job") is None
    listening(layout).close()
    assert ask(layout, WHY, "job") is None, "the socket of a master that was killed"


def test_the_socket_of_a_master_that_was_killed_is_replaced(layout: RunLayout) -> None:
    listening(layout).close()
    server = ControlServer(layout, SharedState(Stage(job()).state), SimpleQueue())
    assert ask(layout, WHY, "job") is not None
    server.close()
    assert not (layout.state / "control").exists()


def test_it_is_for_its_user_alone(layout: RunLayout, master: ControlServer) -> None:
    assert stat.S_IMODE((layout.state / "control").stat().st_mode) == 0o600
    one, other = socket.socketpair(socket.AF_UNIX)
    with one, other:
        assert is_ours(peer_of(one))


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


def post(layout: RunLayout, head: bytes, body: bytes = b"", route: bytes = b"/api/orders/cancel") -> bytes:
    """Say something raw and return the first line of the answer."""
    sock = connected(layout)
    assert sock is not None
    with sock:
        sock.sendall(b"POST " + route + b" HTTP/1.1\r\n" + head + b"\r\n" + body)
        return sock.recv(1000).partition(b"\r\n")[0]


def test_an_order_reaches_the_dispatcher_with_who_gave_it(layout: RunLayout, inbox: Inbox) -> None:
    server = ControlServer(layout, SharedState(Stage(job()).state), inbox)
    thread = threading.Thread(target=_reply, args=(inbox,))
    thread.start()
    told = order(layout, "cancel", {"jobs": ["job"]}, "diverges")
    thread.join()
    server.close()
    assert told["done"] == [{"name": f"{os.getuid()} {os.getpid()} diverges", "says": "['job']"}]


def _reply(inbox: Inbox) -> None:
    item = inbox.get(timeout=10.0)
    assert isinstance(item, Asked) and isinstance(item.ordered.order, CancelJobs)
    by, why, jobs = item.ordered.by, item.ordered.why, item.ordered.order.jobs
    item.reply.set_result(Reply((Said(f"{by.uid} {by.pid} {why}", str(jobs)),)))


JSON = b"Content-Type: application/json\r\n"


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (JSON, b"411"),
        (JSON + b"Content-Length: -1\r\n", b"411"),
        (JSON + b"Content-Length: 9999999999999\r\n", b"413"),
        (JSON + b"Content-Length: 1048577\r\n", b"413"),
        (JSON + b"Transfer-Encoding: chunked\r\nContent-Length: 2\r\n", b"411"),
        (b"Content-Length: 2\r\n", b"415"),
        (b"Content-Type: text/plain\r\nContent-Length: 2\r\n", b"415"),
        (JSON + b"Content-Length: 2\r\n", b"400"),
    ],
)
def test_an_order_that_is_none_is_refused(
    layout: RunLayout, master: ControlServer, inbox: Inbox, head: bytes, status: bytes
) -> None:
    assert post(layout, head, b"{}").split()[1] == status
    assert inbox.empty()


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (JSON, b"411"),
        (JSON + b"Content-Length: 67108865\r\n", b"413"),
        (b"Content-Type: text/plain\r\nContent-Length: 2\r\n", b"415"),
        (JSON + b"Content-Length: 2\r\n", b"422"),
    ],
)
def test_jobs_that_are_none_are_refused(
    layout: RunLayout, master: ControlServer, inbox: Inbox, head: bytes, status: bytes
) -> None:
    assert post(layout, head, b"{}", b"/api/jobs").split()[1] == status
    assert inbox.empty()


def test_what_is_wrong_with_jobs_is_told_and_nothing_reaches_the_dispatcher(
    layout: RunLayout, inbox: Inbox
) -> None:
    def refuses(event: Ordered) -> Ordered:
        raise ConfigError("the jobs", "job 1", "`lr` is no flag of train.py")

    server = ControlServer(layout, SharedState(Stage(job()).state), inbox, prepare=refuses)
    with pytest.raises(UsageError, match="the jobs: job 1: `lr` is no flag"):
        add_jobs(layout, {"jobs": [{"lr": 1}], "trainer": "sae"})
    server.close()
    assert inbox.empty()


@pytest.mark.parametrize("method", [b"PUT", b"DELETE", b"TRACE", b"OPTIONS", b"PATCH", b"HEAD"])
def test_no_other_method_is_served(layout: RunLayout, master: ControlServer, method: bytes) -> None:
    sock = connected(layout)
    assert sock is not None
    with sock:
        sock.sendall(method + b" /api/orders/cancel HTTP/1.1\r\n\r\n")
        assert sock.recv(1000).split()[1] == b"501"


def test_without_a_master_an_order_says_that_nothing_was_done(layout: RunLayout) -> None:
    with pytest.raises(NoMaster, match="nothing was done"):
        order(layout, "cancel", {"jobs": ["job"]})
    listening(layout).close()
    with pytest.raises(NoMaster, match="no master is running on this run"):
        order(layout, "cancel", {"jobs": ["job"]})


def test_the_socket_of_somebody_else_is_told(
    layout: RunLayout, master: ControlServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("master.runs.control.client.peer_of", lambda sock: By(4242, "eve", 1))
    with pytest.raises(TwophaseError, match="is eve's"):
        order(layout, "cancel", {"jobs": ["job"]})


def test_it_tells_how_much_time_is_left(layout: RunLayout, master: ControlServer) -> None:
    assert ask(layout, TIME_LEFT) == {"base_models": None, "experiments": None}, "no worker is up"


def test_a_master_on_another_machine_is_told_of(layout: RunLayout) -> None:
    layout.lock.write_text("process 7 on lab9 since 2026-11-27 03:00:00\n")
    with pytest.raises(NoMaster, match="the last master was process 7 on lab9 since"):
        order(layout, "cancel", {"jobs": ["job"]})
    with pytest.raises(NoMaster, match="--retry-cancelled"):
        order(layout, "retry", {"jobs": ["job"]})


def test_one_who_comes_while_so_many_are_answered_is_told_so(
    layout: RunLayout, master: ControlServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_module, "_TURN_S", 0.05)
    silent = [connected(layout) for _ in range(16)]
    for question in (
        partial(ask, layout, WHY, "alpha/job"),
        partial(order, layout, "cancel", {"jobs": ["j"]}),
    ):
        with pytest.raises(TwophaseError, match="so many ask this master at once that nothing was done"):
            question()
    for sock in silent:
        assert sock is not None
        sock.close()
    assert ask(layout, WHY, "alpha/job") is not None


def test_without_a_thread_for_one_who_asks_the_next_is_heard(
    layout: RunLayout, master: ControlServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    class NoThread(threading.Thread):
        def start(self) -> None:
            raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(threading, "Thread", NoThread)
        with pytest.raises(TwophaseError, match="so many ask this master"):
            ask(layout, WHY, "alpha/job")
    assert [ask(layout, WHY, "alpha/job") is not None for _ in range(20)] == [True] * 20


def test_a_request_that_stops_half_way_is_answered(
    layout: RunLayout, master: ControlServer, inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_module._Handler, "timeout", 0.1)
    assert post(layout, JSON + b"Content-Length: 5\r\n", b"{}").split()[1] == b"408"
    assert inbox.empty()


def test_it_ends_once_those_who_have_asked_have_their_answers(layout: RunLayout, inbox: Inbox) -> None:
    server = ControlServer(layout, SharedState(Stage(job()).state), inbox)
    told: list[object] = []
    asking = threading.Thread(target=lambda: told.append(order(layout, "cancel", {"jobs": ["job"]})))
    asking.start()
    item = inbox.get(timeout=10.0)
    closing = threading.Thread(target=server.close)
    closing.start()
    closing.join(0.2)
    assert closing.is_alive() and isinstance(item, Asked)
    item.reply.set_result(Reply((Said("job", "is cancelled"),)))
    for thread in (asking, closing):
        thread.join(10.0)
    assert len(told) == 1 and not closing.is_alive()
