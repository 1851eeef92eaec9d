"""What is said of a worker that is not connected or cannot be used."""

from __future__ import annotations

import pytest

from master.adapters.agent_client import reason_of
from master.errors import RemoteError, SessionLost, WorkerUnusable

RSYNC = """sending incremental file list
rsync: [receiver] write failed on "/scratch/x": No space left on device (28)
rsync error: error in file IO (code 11)
"""

CASES = [
    (SessionLost("gpu1: the link broke"), "the link broke"),
    (SessionLost("the link broke"), "the link broke"),
    (EOFError(), "EOFError"),
    (WorkerUnusable("gpu1", "refuses every key\ncopy one there"), "refuses every key\ncopy one there"),
    (WorkerUnusable("gpu1: jump host gate", "refuses every key"), "jump host gate: refuses every key"),
    (
        RemoteError("gpu1", "the disk is full", ["rsync", "-e", "ssh -F config"], RSYNC),
        "the disk is full\n" + RSYNC.partition("\n")[2].rstrip("\n"),
    ),
]


@pytest.mark.parametrize(("error", "reason"), CASES)
def test_the_reason_does_not_name_the_worker_or_the_command(error: Exception, reason: str) -> None:
    assert reason_of(error, "gpu1") == reason
