"""Artefacts on their way to workers: code, data, base models, checkpoints."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from master.adapters.agent_client import reason_of
from master.core.running import commands as cmd
from master.core.running import events as ev
from master.errors import IntegrityError, SessionLost
from master.storage.checkpoint_store import Checkpoint
from master.transfers.home import Home
from master.transfers.patience import Patience
from master.transfers.remote import Remote
from master.transfers.reporter import Reporter
from worker_agent.protocol.digests import holds


@dataclass(frozen=True)
class Artefacts:
    """Brings workers what they ask for, whole or not at all, and tells what has come of it."""

    home: Home
    reporter: Reporter
    patience: Patience

    def deliver(self, command: cmd.Deliver, remote: Remote) -> bool:
        """Bring an artefact to a worker; False where the link is gone: the agent will ask again."""
        key = command.worker, command.content_hash
        try:
            if self.patience.try_a_few_times(
                remote, lambda: self._push(command.content_hash, remote), (SessionLost,)
            ):
                self.reporter.event(ev.Delivered, *key)
        except Exception as error:  # the dispatcher must hear of it, whatever it is
            if isinstance(error, SessionLost) and not remote.connected:
                return False
            self.reporter.event(ev.DeliveryFailed, *key, reason_of(error, command.worker))
        return True

    def _push(self, wanted: str, remote: Remote) -> bool:
        """Bring an artefact to a worker; False where there was nothing sound to bring."""
        path = self._sound(wanted)
        if path is None:
            return False
        remote.push(path, wanted)
        if spec_hash := self.home.library.base_models.get(wanted):
            self.reporter.note(f"{remote.name}: sent base model {spec_hash[:12]}")
        return True

    def _sound(self, wanted: str) -> Path | None:
        """Return the directory to bring; None where what there was is damaged, which has been told then."""
        checkpoint = self.home.checkpoints and self.home.checkpoints.holding(wanted)
        path = checkpoint.path if checkpoint else self.home.library.paths.get(wanted)
        if path is None:
            raise IntegrityError(f"nothing here has the content hash {wanted}")
        if holds(path, wanted):
            return path
        if checkpoint:
            self._drop_damaged(checkpoint)
        else:
            self._set_aside_damaged(wanted, path)
        return None

    def _drop_damaged(self, checkpoint: Checkpoint) -> None:
        """Delete a checkpoint that is damaged: the next attempt begins without."""
        self.home.drop_checkpoints(checkpoint.job_id)
        self.reporter.note(
            f"{checkpoint.job_id}: the checkpoint in {checkpoint.path} was damaged and is deleted"
        )
        self.reporter.event(ev.CheckpointDamaged, checkpoint.job_id, checkpoint.content_hash)

    def _set_aside_damaged(self, wanted: str, path: Path) -> None:
        """Set a damaged base model aside, to be trained again; nothing else may change during a run."""
        spec_hash = self.home.library.drop(wanted)
        if spec_hash is None:
            raise IntegrityError(f"{path} has changed since the run began")
        # At once: another worker's failed delivery of it must not be held against that worker.
        self.reporter.event(ev.BaseModelDamaged, spec_hash)
        aside = self.home.store.set_aside(spec_hash)
        self.reporter.note(f"base model {spec_hash} is damaged; moved to {aside}, it is trained again")
