"""Where masters connect to: a socket that is made anew where something has removed it."""

from __future__ import annotations

import selectors
import socket
from pathlib import Path
from typing import Optional

from worker_agent.runtime.agent_log import complain
from worker_agent.system.sockets import listen, listens_at


class Listener:
    """The run's socket.  A selector tells when somebody has come; its data is this object."""

    def __init__(self, path: Path, selector: selectors.BaseSelector) -> None:
        """Listen.  Raises OSError where that cannot be."""
        self._wanted, self._selector = path, selector
        self._socket = self._open()
        self._path = Path(self._socket.getsockname())

    def accept(self) -> Optional[socket.socket]:
        """Return the connection of somebody who has come."""
        try:
            return self._socket.accept()[0]
        except OSError as error:
            complain(f"cannot accept a connection: {error}")
            return None

    def check(self) -> None:
        """Listen anew where something has cleaned the directory of temporary files."""
        if listens_at(self._socket, self._path):
            return
        complain(f"{self._path} is gone: listening anew")
        self._selector.unregister(self._socket)
        self._socket.close()
        self._socket = self._open()
        self._path = Path(self._socket.getsockname())

    def close(self) -> None:
        """Nobody comes any more."""
        self._path.unlink(missing_ok=True)
        self._socket.close()

    def _open(self) -> socket.socket:
        found = listen(self._wanted)
        self._selector.register(found, selectors.EVENT_READ, self)
        return found
