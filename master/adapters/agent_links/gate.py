"""When a link may connect: at once, after a pause, or only while there is something to connect to."""

from __future__ import annotations

import threading
from collections.abc import Callable


class Gate:
    """Stands before each try of a link.  Any thread may open, shut and end it; one passes."""

    def __init__(self, hang_up: Callable[[], None] = lambda: None) -> None:
        """Begin open; `hang_up` ends the connection that there is."""
        self._hang_up = hang_up
        self._changed = threading.Condition()
        self._is_open, self._is_over, self._hurries = True, False, False

    def open(self) -> None:
        """Let the link try, without the pause that it is in."""
        self._set(is_open=True)

    def shut(self) -> None:
        """End the connection, and let the link try no more until it is opened."""
        self._set(is_open=False)
        self._hang_up()

    def end(self) -> None:
        """Let nobody wait any more: the link is being closed."""
        with self._changed:
            self._is_over = True
            self._changed.notify_all()

    def passes(self, pause_s: float) -> bool:
        """Wait for a pause, and while it is shut; False once it has ended."""
        with self._changed:
            self._changed.wait_for(lambda: self._is_over or self._hurries, pause_s)
            self._changed.wait_for(lambda: self._is_over or self._is_open)
            self._hurries = False
            return not self._is_over

    def _set(self, *, is_open: bool) -> None:
        with self._changed:
            self._is_open = self._hurries = is_open
            self._changed.notify_all()
