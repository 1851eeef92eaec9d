"""Files that appear under their name only once they are whole."""

from __future__ import annotations

import contextlib
import os
import uuid
from pathlib import Path

from worker_agent.protocol.digests import fsync_directory


def write_whole(path: Path, data: bytes, *, durable: bool = True) -> None:
    """Give a file these bytes: a reader sees what was there before, or all of them.  Raises OSError.

    What is not `durable` may be lost with the machine's power, but is never seen in part by a reader.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        with fresh.open("wb") as stream:
            stream.write(data)
            stream.flush()
            if durable:
                os.fsync(stream.fileno())
        fresh.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            fresh.unlink()
        raise
    if durable:
        fsync_directory(path.parent)
