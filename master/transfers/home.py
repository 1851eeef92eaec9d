"""The head node's side of transfers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from master.code.origin import Described
from master.specs import Config
from master.storage.base_model_store import BaseModelStore
from master.storage.checkpoint_store import CheckpointStore
from master.storage.library import Library
from master.storage.run_layout import RunLayout


@dataclass(frozen=True)
class Home:
    """Where outcomes go, and where artefacts come from."""

    layout: RunLayout
    store: BaseModelStore
    library: Library
    identity_of: Callable[[str], Config]
    """Tells by `spec_hash` what a base model is."""
    checkpoints: CheckpointStore | None = None
    """None leaves on the workers what attempts in vain leave to go on from."""
    describe: Callable[[str, int], Described] = lambda job_id, attempt: Described()
    """Tells by job and attempt what results and base models say of how they came about."""

    def drop_checkpoints(self, job_id: str) -> None:
        """Delete what attempts at a job left to go on from."""
        if self.checkpoints:
            self.checkpoints.drop(job_id)
