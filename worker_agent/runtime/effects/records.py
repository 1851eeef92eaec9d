"""What the core wants remembered goes to the spool."""

from __future__ import annotations

from worker_agent.core import commands as cmd
from worker_agent.protocol.events import EventKind
from worker_agent.protocol.messages import Ack, Release
from worker_agent.runtime.effects.table import Handlers
from worker_agent.runtime.ports import Records, Workers
from worker_agent.runtime.spool import Stopping


class RecordEffects:
    """Writes records; outcomes are made durable soon after."""

    def __init__(self, spool: Records, workers: Workers) -> None:
        self._spool, self._workers = spool, workers
        self._sync_due = False

    def table(self) -> Handlers:
        """Return what is handled here."""
        return {
            cmd.Record: self.record,
            cmd.KeepLaunch: self.keep_launch,
            cmd.KeepAck: self.keep_ack,
            cmd.KeepRelease: self.keep_release,
            cmd.KeepVerdict: self.keep_verdict,
        }

    def record(self, item: cmd.Record) -> None:
        """Remember an event until the master acknowledges it."""
        self._spool.put(item.event)
        self._sync_due |= item.event.kind is EventKind.FINISHED

    def keep_launch(self, item: cmd.KeepLaunch) -> None:
        """Remember a launch."""
        self._spool.put(item.launch)

    def keep_ack(self, item: cmd.KeepAck) -> None:
        """Remember what the master has."""
        self._spool.put(Ack(item.seq))

    def keep_release(self, item: cmd.KeepRelease) -> None:
        """Remember that an attempt may be forgotten."""
        self._spool.put(Release(*item.key))

    def keep_verdict(self, item: cmd.KeepVerdict) -> None:
        """Remember why an attempt is stopped, at once: what is done next ends it."""
        self._spool.put(Stopping(*item.key, item.verdict, item.excess))
        self._spool.write()

    def write(self) -> None:
        """Bring the file up to date."""
        if self._spool.write() and self._sync_due:
            self._sync_due = False
            self._workers.sync(self._spool.sync)
