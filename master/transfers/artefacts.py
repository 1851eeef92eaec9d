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
from master.transfers.mending import Mending, is_sound
from master.transfers.patience import Patience
from master.transfers.remote import Remote
from master.transfers.reporter import Reporter


@dataclass(frozen=True)
class Artefacts:
    """Brings workers what they ask for, whole or not at all, and tells what has come of it."""

    home: Home
    reporter: Reporter
    patience: Patience
    mending: Mending

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
        path = self._sound(wanted, remote.name)
        if path is None:
            return False
        remote.push(path, wanted)
        if spec_hash := self.home.library.base_models.get(wanted):
            self.reporter.note(f"{remote.name}: sent base model {spec_hash[:12]}")
        return True

    def _sound(self, wanted: str, asking: str) -> Path | None:
        """Return the directory to bring; None where what there was is damaged, which has been told then."""
        checkpoint = self.home.checkpoints and self.home.checkpoints.holding(wanted)
        path = checkpoint.path if checkpoint else self.home.library.paths.get(wanted)
        if path is None:
            raise IntegrityError(f"nothing here has the content hash {wanted}")
        if is_sound(path, wanted):
            return path
        if checkpoint:
            self._drop_damaged(checkpoint)
            return None
        return path if self.mending.mend(wanted, path, asking) else None

    def _drop_damaged(self, checkpoint: Checkpoint) -> None:
        """Delete a checkpoint that is damaged: the next attempt begins without."""
        self.home.drop_checkpoints(checkpoint.job_id)
        self.reporter.note(
            f"{checkpoint.job_id}: the checkpoint in {checkpoint.path} was damaged and is deleted"
        )
        self.reporter.event(ev.CheckpointDamaged, checkpoint.job_id, checkpoint.content_hash)
