"""The run's socket is where its user alone can come, and both ends tell what is wrong with it."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from worker_agent.system import seqpacket
from worker_agent.system.sockets import SocketError, connect, listen, listens_at


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "sockets" / "x.sock"


def test_who_connects_finds_who_listens(path: Path) -> None:
    assert connect(path) is None, "nobody has listened yet"
    with listen(path) as listener:
        assert listens_at(listener, path) and path.parent.stat().st_mode & 0o777 == 0o700
        found = connect(path)
        assert found
        with found, listener.accept()[0] as accepted:
            accepted.sendall(b"x")
            assert found.recv(1) == b"x"
        path.unlink()
        assert not listens_at(listener, path) and connect(path) is None
    assert not listens_at(listener, path)


def test_a_socket_that_nobody_serves_any_more_is_replaced(path: Path) -> None:
    listen(path).close()
    assert connect(path) is None and path.exists()
    with listen(path) as listener:
        assert listens_at(listener, path)


def test_a_directory_that_others_may_enter_is_refused(path: Path) -> None:
    path.parent.mkdir(mode=0o755)
    path.parent.chmod(0o755)
    with pytest.raises(SocketError, match="must be a directory of yours with mode 700"):
        connect(path)
    path.parent.rmdir()
    path.parent.symlink_to("/tmp")
    with pytest.raises(SocketError, match="must be a directory of yours"):
        listen(path)


def test_a_place_that_cannot_be_is_told(path: Path) -> None:
    path.parent.parent.joinpath("file").write_text("")
    with pytest.raises(SocketError, match="Not a directory"):
        listen(path.parent.parent / "file" / "below" / "x.sock")
    with pytest.raises(SocketError, match="too long for a socket: set TMPDIR to a shorter directory"):
        listen(path.parent / ("x" * 120))


def test_what_is_no_socket_is_told(path: Path) -> None:
    path.parent.mkdir(mode=0o700)
    path.symlink_to(path)
    with pytest.raises(SocketError, match="Too many levels of symbolic links"):
        connect(path)


class Ended(BaseException):
    """The process would have ended."""


@pytest.fixture
def ends(monkeypatch: pytest.MonkeyPatch) -> tuple[socket.socket, socket.socket]:
    def end(code: int) -> None:
        assert code == 0
        raise Ended

    monkeypatch.setattr(seqpacket.os, "_exit", end)
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)


def test_a_request_comes_with_its_descriptors(ends: tuple[socket.socket, socket.socket]) -> None:
    agent, helper = ends
    reader, writer = os.pipe()
    with agent, helper:
        socket.send_fds(agent, [b'{"id": 1}'], [writer])
        os.close(writer)
        body, (found,) = seqpacket.receive(helper)
        os.write(found, b"x")
        assert body == {"id": 1} and os.read(reader, 1) == b"x"
        seqpacket.send(helper, {"ready": True})
        assert agent.recv(100) == b'{"ready": true}'
    os.close(found)
    os.close(reader)


def test_a_helper_ends_with_its_agent(ends: tuple[socket.socket, socket.socket]) -> None:
    agent, helper = ends
    with helper:
        agent.close()
        with pytest.raises(Ended):
            seqpacket.receive(helper)
        with pytest.raises(Ended):
            seqpacket.send(helper, {})
    with pytest.raises(Ended):
        seqpacket.receive(helper)
