"""What helpers of the agent say and are told: one JSON object a packet, over a Unix socket (SOCK_SEQPACKET).

A helper imports this where it is imported itself: later the name of this package may be a job's own
(`executors/helpers.py` tells how helpers are started).
"""

from __future__ import annotations

import array
import json
import os
import socket
from typing import Any, Dict, List, Tuple

PACKET = 1 << 20
"""No packet is longer."""
_MOST_FILES = 8


def receive(agent: socket.socket) -> Tuple[Dict[str, Any], List[int]]:
    """Return the agent's next request with its descriptors; end this process where none comes."""
    try:
        data, control, _, _ = agent.recvmsg(PACKET, socket.CMSG_SPACE(_MOST_FILES * 4))
    except OSError:
        os._exit(0)
    if not data:
        os._exit(0)
    files = array.array("i")
    for level, kind, body in control:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
            files.frombytes(body[: len(body) - len(body) % files.itemsize])
    return json.loads(data.decode()), list(files)


def send(agent: socket.socket, body: Dict[str, Any]) -> None:
    """Tell the agent an object; end this process where the agent has ended."""
    try:
        agent.sendall(json.dumps(body).encode())
    except OSError:
        os._exit(0)
