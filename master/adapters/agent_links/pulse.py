"""Whether a link to an agent lives."""

from __future__ import annotations

from collections.abc import Callable

from worker_agent.protocol import messages as msg

PING_S = 5.0
"""A link on which nothing came for so long is pinged, whatever is sent meanwhile."""
SILENCE_S = 20.0
"""A link on which nothing came for so long is lost."""

Clock = Callable[[], float]


class Pulse:
    """When something was heard of a link last, and when it was asked for a sign of life."""

    def __init__(self, clock: Clock) -> None:
        """`clock` returns seconds and is never set."""
        self._clock = clock
        self._heard = self._asked = clock()
        self._number = 0

    def heard(self) -> None:
        """Take note of whatever has come."""
        self._heard = self._clock()

    @property
    def is_silent(self) -> bool:
        """True once the link is to be given up."""
        return self._clock() - self._heard > SILENCE_S

    @property
    def wait_s(self) -> float:
        """Seconds until a ping is due."""
        return max(0.0, max(self._heard, self._asked) + PING_S - self._clock())

    def ping(self) -> bytes:
        """Return a ping, as a line, if one is due."""
        if self.wait_s > 0:
            return b""
        self._asked, self._number = self._clock(), self._number + 1
        return msg.encode(msg.Ping(self._number))
