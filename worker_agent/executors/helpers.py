"""Processes that help the agent to run jobs: how they are started and told things."""

from __future__ import annotations

import array
import json
import select
import socket
import subprocess
import time
from pathlib import Path
from typing import Any, Dict, Iterator, Mapping, Optional, Sequence

from worker_agent.executors.warm_parent import PER_JOB
from worker_agent.system.seqpacket import PACKET

_ROOT = Path(__file__).parents[2]
"""Where this package is: a directory, or the agent's one file."""
_BEGIN = (
    "import sys; sys.path.insert(0, sys.argv[2]); from worker_agent.executors import {module};"
    " del sys.path[0];"
    " [sys.modules.pop(name) for name in list(sys.modules) if name.startswith('worker_agent')];"
    " {module}.main(int(sys.argv[1]){rest})"
)
"""A job may have a package of our name, and must not see ours."""


_GROWTH, _GROWTH_BYTES = 1.5, 64 << 20
_PATIENCE_S = 2.0
"""So long a helper may take to make room for a packet; the agent does nothing else meanwhile."""


def has_grown(first_bytes: int, now_bytes: int) -> bool:
    """Return whether a process leaks: it has half as much memory more than at first, and not a little."""
    return now_bytes > _GROWTH * first_bytes and now_bytes > first_bytes + _GROWTH_BYTES


class Helper:
    """The agent's end of a helper."""

    def __init__(self, module: str, python: str, env: Mapping[str, str], *words: str, blank: int = 0) -> None:
        """Start `module` of this package; `words` are for its main.  Raises OSError.

        `blank` is the length of a last word that it may write over.
        """
        self.socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        begin = _BEGIN.format(module=module, rest="".join(f", sys.argv[{3 + i}]" for i in range(len(words))))
        with theirs:
            process = subprocess.Popen(
                [
                    python,
                    "-c",
                    begin,
                    str(theirs.fileno()),
                    str(_ROOT),
                    *words,
                    *[" " * blank][: bool(blank)],
                ],
                env=dict(env),
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=2,
                start_new_session=True,
                pass_fds=(theirs.fileno(),),
            )
        self.pid = process.pid
        # Reaped by the executor of processes, not by subprocess, which must not complain of it.
        process.returncode = 0

    def tell(self, body: Mapping[str, Any], files: Sequence[int] = ()) -> Optional[str]:
        """Send an object and descriptors; return why that cannot be, None if it is done."""
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", files))] if files else []
        packet, until = json.dumps(body).encode(), time.monotonic() + _PATIENCE_S
        while True:
            try:
                self.socket.sendmsg([packet], rights, socket.MSG_DONTWAIT)
                return None
            except BlockingIOError:  # a group is more packets than lie there: they are being read
                left_s = until - time.monotonic()
                if left_s <= 0 or not select.select([], [self.socket], [], left_s)[1]:
                    return f"it has read nothing for {_PATIENCE_S:g} s"
            except OSError as error:
                return error.strerror or str(error)

    def heard(self) -> Iterator[Dict[str, Any]]:
        """Yield what has come; an empty object once the helper has ended."""
        while True:
            try:
                packet = self.socket.recv(PACKET, socket.MSG_DONTWAIT)
            except BlockingIOError:
                return
            except OSError:
                packet = b""
            if not packet:
                yield {}
                return
            yield json.loads(packet.decode())


def shared(env: Mapping[str, str]) -> Dict[str, str]:
    """Return what jobs that share a helper have in common."""
    return {name: value for name, value in env.items() if not name.startswith(PER_JOB)}
