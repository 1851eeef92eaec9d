"""Follows one log for one visitor, as the running master tells it: on a thread that waits for it."""

from __future__ import annotations

import base64
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from typing import Any

from master.core.explaining.cause_json import from_json
from master.core.harmless import brief
from master.errors import TwophaseError
from master.runs.control.log_client import followed
from master.storage.run_layout import RunLayout
from master.view.answers.why import sentence
from master.web.logs.folding import MOST_LINES, Folding

AWAY = "away"
"""What a visitor is told where no master tells: then he asks for what came home."""


class LogStream:
    """From its making until it is closed or the log has ended; `take` belongs to another thread."""

    def __init__(self, layout: RunLayout, job_id: str, wake: Callable[[], object]) -> None:
        """`wake` is called, on the stream's thread, where there is something to take."""
        self.job_id = job_id
        self._layout, self._wake = layout, wake
        self._lock, self._closing = threading.Lock(), False
        self._folding = Folding()
        self._attempt, self._says, self._how = 0, "", "live"
        self._thread = threading.Thread(target=self._follow, name="log", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Follow no more: the thread ends with the next word of the master, which comes within a second."""
        self._closing = True

    def take(self) -> dict[str, Any]:
        """Return what has come since the last call."""
        with self._lock:
            told = self._folding.told()
            return {"id": self.job_id, "attempt": self._attempt, "how": self._how, "says": self._says, **told}

    def _follow(self) -> None:
        how = AWAY
        try:
            frames = followed(self._layout, self.job_id, MOST_LINES, beats=True)
            if frames is not None:
                with closing(frames):  # type: ignore[type-var]
                    how = self._heard(frames)
        except (TwophaseError, ValueError, LookupError, TypeError) as error:
            self._says = brief(str(error))
        self._tell(how)

    def _heard(self, frames: Iterator[Mapping[str, Any]]) -> str:
        """Take in what comes; return how it ended."""
        for frame in frames:
            if self._closing:
                return AWAY
            if "end" in frame:
                return "ended"
            if frame:
                with self._lock:
                    self._take(frame)
                self._wake()
        return AWAY

    def _take(self, frame: Mapping[str, Any]) -> None:
        if "data" in frame:
            self._says = ""
            if cut := int(frame["cut"]):
                self._folding.add([f"… {cut:,} bytes are not kept …"])
            self._folding.feed(base64.b64decode(frame["data"]))
        elif "begin" in frame:
            self._attempt = int(frame["begin"])
            self._folding.begin()
        elif "waits" in frame:
            self._says = f"it {sentence(from_json(frame['waits']), float(frame['at']))}"
        elif "says" in frame:
            self._says = brief(str(frame["says"]))

    def _tell(self, how: str) -> None:
        self._how = how
        if not self._closing:
            self._wake()
