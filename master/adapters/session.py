"""How the master reaches a worker: a few verbs that local, SSH and fake sessions all understand."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Protocol

MOST_ANSWER_BYTES = 16 << 20
"""What a command may say on each of its outputs: ours say a few lines."""
STUCK_S = 20.0
"""So long the other side of a channel may take nothing of what is sent: it is frozen, or gone."""


@dataclass(frozen=True)
class Completed:
    """A command that has ended on a worker, whatever its exit code."""

    argv: tuple[str, ...]
    exit_code: int
    """Negative: killed by that signal, where the transport tells; 255 where it does not."""
    stdout: bytes
    stderr: bytes


class EndlessAnswer(Exception):
    """A command has said too much."""


def bounded(pieces: Iterable[bytes]) -> bytes:
    """Return pieces of an answer together.  Raises EndlessAnswer for more than `MOST_ANSWER_BYTES`."""
    answer = bytearray()
    for piece in pieces:
        answer += piece
        if len(answer) > MOST_ANSWER_BYTES:
            raise EndlessAnswer
    return bytes(answer)


class Channel(Protocol):
    """A byte stream to the standard input and output of one long-running command."""

    def send(self, data: bytes) -> None:
        """Write all of `data`; blocks while the other side does not read, but not for ever.

        Raises SessionLost, also where the other side has taken nothing for `STUCK_S`.
        """

    def receive(self) -> bytes:
        """Return at least one byte, or `b""` once the command has closed its output.  Raises SessionLost."""

    def last_words(self) -> str:
        """Return the last lines that the command has said on standard error, for one that has ended."""

    def close(self) -> None:
        """End the stream and make a blocked `receive` return.  May be called twice, from any thread."""


class Session(Protocol):
    """A connection to one worker.  Its methods may be called from several threads at once.

    Every method raises SessionLost when the link breaks and WorkerUnusable when another try cannot help.
    """

    @property
    def host(self) -> str:
        """The name to show to the user."""

    def run(self, argv: Sequence[str], *, stdin: bytes = b"", timeout_s: float = 60.0) -> Completed:
        """Run a command in the home directory and wait for its end.

        Raises RemoteError after `timeout_s`, and for one that says more than `MOST_ANSWER_BYTES`.
        """

    def open_channel(self, argv: Sequence[str]) -> Channel:
        """Start a command and return its streams.  Its standard error goes to the log."""

    def push(self, source: Path, target: str) -> None:
        """Make the directory `target` on the worker equal to the local directory `source`.

        `target` is absolute or begins with `~/`; its parents are made; a partial transfer is continued.
        Raises RemoteError with rsync's last words (permission denied), DiskFull where there is no room.
        """

    def pull(self, source: str, target: Path, names: Collection[str], most: int) -> None:
        """Bring these files of the directory `source` on the worker into the local directory `target`.

        `names` are their paths below `source`.  What has more than `most` bytes, is a link or no file stays
        behind, and so does everything else.  Raises as `push`, also for a path that is not there.
        """

    def close(self) -> None:
        """End the session and its channels.  May be called twice, from any thread."""

    def __enter__(self) -> Session: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...
