"""What failed attempts leave: their logs, and checkpoints for the next attempt to go on from."""

from __future__ import annotations

from dataclasses import dataclass

from master.core.running import commands as cmd
from master.core.running import events as ev
from master.errors import IntegrityError, SessionLost
from master.storage.checkpoint_store import Checkpoint
from master.transfers.arrival import Arrival, bring_log
from master.transfers.home import Home
from master.transfers.patience import Patience
from master.transfers.remote import Remote
from master.transfers.reporter import Reporter
from worker_agent.protocol.digests import content_hash


@dataclass(frozen=True)
class FailedAttempts:
    """Brings home what can be had, then lets the worker forget the attempt."""

    home: Home
    reporter: Reporter
    patience: Patience

    def collect(self, command: cmd.CollectFailedAttempt, remote: Remote) -> bool:
        """Bring log and checkpoint home if that can be; False where the link is gone."""
        arrival, key = Arrival.of(self.home.layout, remote, command), (command.job_id, command.attempt)
        for what, bring in (("log", bring_log), ("checkpoint", self._bring_checkpoint)):
            try:
                bring(arrival)
            except Exception as error:  # worth a note, not more
                if isinstance(error, SessionLost) and not remote.connected:
                    return False  # the worker still has it, and is asked again when the link is back
                self.reporter.note(f"{key[0]}: the {what} of attempt {key[1]} is lost: {error}")
        arrival.clear()
        remote.release(*key)
        if command.finished.checkpoint:
            self.reporter.event(ev.CheckpointSettled, *key)
        return True

    def _bring_checkpoint(self, arrival: Arrival) -> None:
        left, remote, key = arrival.finished.checkpoint, arrival.remote, arrival.key
        if not left or self.home.checkpoints is None:
            return
        if left.content_hash is None or left.problem is not None:
            self.reporter.note(f"{key[0]}: attempt {key[1]}: {left.problem}")
            return
        found = left.content_hash
        if content_hash(left.files) != found:
            raise IntegrityError(f"what {remote.name} says of it cannot be: {left!r:.300}")
        if _is_home(self.home.checkpoints.newest(key[0]), key[1], found):
            return
        staged = self.patience.try_a_few_times(
            remote,
            lambda: arrival.fetch("checkpoint", remote.checkpoints(*key), left.files),
            (SessionLost, IntegrityError),
        )
        self.home.checkpoints.add(*key, found, staged)


def _is_home(newest: Checkpoint | None, attempt: int, content_hash: str) -> bool:
    """Return whether it has come: an agent tells again of attempts that it was not told to forget.

    The next attempt there may have taken its directory since.
    """
    if newest is None:
        return False
    return newest.attempt > attempt or (newest.attempt, newest.content_hash) == (attempt, content_hash)
