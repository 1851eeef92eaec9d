"""What a master's session on this machine is: standard input and output, carried to the agent and back."""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from typing import Optional

from worker_agent.executors.terminal import stay_in_background
from worker_agent.protocol.layout import StateLayout
from worker_agent.protocol.lines import PREAMBLE
from worker_agent.system.sockets import connect

_START_S = 20.0
_LOOK_S = 0.05
_READ_BYTES = 64 * 1024


def await_agent(layout: StateLayout, wait_s: float) -> socket.socket:
    """Return a connection to the run's agent, which somebody else starts.  Raises OSError.

    Whoever ends an allocation ends its steps too; this one stays until the agent has said how its jobs ended.
    """
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    deadline = time.monotonic() + wait_s
    while True:
        connection = connect(layout.socket)
        if connection:
            return connection
        if time.monotonic() >= deadline:
            raise OSError(f"no agent of run {layout.run_id} serves here; what it has said is in {layout.log}")
        time.sleep(_LOOK_S)


def reach(layout: StateLayout, digest: str, in_terminal: bool) -> socket.socket:
    """Return a connection to the run's agent, started where none serves.  Raises OSError."""
    if in_terminal:
        stay_in_background()
    deadline = time.monotonic() + _START_S
    while time.monotonic() < deadline:
        connection = connect(layout.socket)
        if connection:
            return connection
        problem = _start(layout, digest, in_terminal)
        if problem:
            raise OSError(problem)
        connection = connect(layout.socket)
        if connection:
            return connection
        time.sleep(_LOOK_S)
    raise OSError(f"the agent does not answer at {layout.socket}, but one holds {layout.lock}")


def _start(layout: StateLayout, digest: str, in_terminal: bool) -> Optional[str]:
    """Start an agent; return why that failed, or None.  Only here all of it is imported."""
    from worker_agent.runtime import daemon

    return (daemon.start_in_terminal if in_terminal else daemon.start_detached)(layout, digest)


def bridge(connection: socket.socket) -> None:
    """Copy both ways until standard input or the agent ends."""
    _write_all(PREAMBLE)
    threading.Thread(target=_copy_input, args=(connection,), daemon=True).start()
    try:
        while True:
            data = connection.recv(_READ_BYTES)
            if not data:
                return
            _write_all(data)
    except (BrokenPipeError, ConnectionResetError):
        return


def _copy_input(connection: socket.socket) -> None:
    try:
        while True:
            data = os.read(0, _READ_BYTES)
            if not data:
                break
            connection.sendall(data)
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        return


def _write_all(data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(1, view) :]
