"""A base model that is damaged at home: fetched from a worker that still has it whole, or given up."""

from __future__ import annotations

import errno
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Lock
from typing import Any

from master.core.planning.plan import base_model_job_id
from master.core.running import events as ev
from master.errors import IntegrityError, TwophaseError
from master.transfers.arrival import Arrival
from master.transfers.home import Home
from master.transfers.remote import Remote
from master.transfers.reporter import Reporter
from worker_agent.protocol.digests import FileDigest, holds
from worker_agent.protocol.outcome import Finished, Outcome

LOOKS = 3
"""What reads wrong so often is damaged; a network's file system may err once."""
ARRIVAL_S = 30.0
"""So long after the beginning of a run its workers may take to connect."""
_LOOK_S = 0.1
_PART = "base_model"


def is_sound(path: Path, wanted: str) -> bool:
    """Return whether a directory holds what it should, at the third look at the latest.

    Raises OSError where that cannot be told.
    """
    return any(_is_sound(path, wanted) for _ in range(LOOKS))


def _is_sound(path: Path, wanted: str) -> bool:
    try:
        return path.is_dir() and holds(path, wanted)
    except OSError as error:
        if error.errno == errno.EIO:  # the disk says itself that it has lost something
            return False
        raise


@dataclass(frozen=True)
class Mending:
    """Puts base models of the store right.  For all threads: one works, the others then find it done."""

    home: Home
    remotes: Mapping[str, Remote]
    reporter: Reporter
    closing: Event = field(default_factory=Event)
    """Set when nothing is to be waited for any more."""
    _lock: Lock = field(default_factory=Lock)
    _looks: Iterator[int] = field(default_factory=lambda: iter(range(round(ARRIVAL_S / _LOOK_S))))
    """At who has arrived, until all that may take so long has passed: for all base models together."""

    def mend(self, wanted: str, path: Path, asking: str) -> bool:
        """Have a base model again for a worker that is `asking`; False where it must be trained again.

        Then that has been told.

        Raises IntegrityError for what is no base model, or is none of this run any more.
        """
        with self._lock:
            spec_hash = self.home.library.base_models.get(wanted)
            if spec_hash is None:
                raise IntegrityError(f"{path} has changed since the run began")
            return is_sound(path, wanted) or self._mend(spec_hash, wanted, self._connected(asking))

    def mend_early(self, wanted: str) -> None:
        """Have a base model again that was damaged before the run began, from whoever connects soon."""
        donors = self._arrived(wanted)
        with self._lock:
            spec_hash = self.home.library.base_models.get(wanted)
            if spec_hash is None or donors is None:
                return
            try:
                if is_sound(self.home.store.path(spec_hash), wanted):
                    self.reporter.note(f"base model {spec_hash} reads as it should now")
                else:
                    self._mend(spec_hash, wanted, donors)
            except (TwophaseError, OSError) as error:
                self.reporter.note(f"base model {spec_hash} cannot be mended: {error}")

    def hurry(self) -> None:
        """Await nobody any more: who is connected may have it; where nobody is, nothing is done to it."""
        if not self._connected():
            self.closing.set()
        for _ in self._looks:
            pass

    def _connected(self, asking: str = "") -> list[Remote]:
        return [remote for name, remote in list(self.remotes.items()) if name != asking and remote.connected]

    def _arrived(self, wanted: str) -> list[Remote] | None:
        """Return the workers that are connected once one says that it has it, or no more are to come.

        Returns None where the run is over before that.
        """
        while True:
            here = sorted(self._connected(), key=lambda remote: wanted not in remote.cached)
            if len(here) == len(self.remotes) or (here and wanted in here[0].cached):
                return here
            if next(self._looks, None) is None:
                return here
            if self.closing.wait(_LOOK_S):
                return None

    def _mend(self, spec_hash: str, wanted: str, donors: Iterable[Remote]) -> bool:
        manifest = self._manifest(spec_hash, wanted)
        if self.home.store.path(spec_hash).exists():
            found = f"base model {spec_hash} is damaged; moved to {self.home.store.set_aside(spec_hash)}"
        else:
            found = f"base model {spec_hash} is gone from {self.home.store.path(spec_hash)}"
        donor = self._fetch(spec_hash, manifest, donors) if manifest else None
        if donor:
            self.reporter.note(f"{found}, fetched anew from {donor}")
            return True
        self.home.library.drop(wanted)
        # Before anybody else is told: another worker's failed delivery must not be held against that worker.
        self.reporter.event(ev.BaseModelDamaged, spec_hash)
        self.reporter.note(f"{found}, it is trained again")
        return False

    def _manifest(self, spec_hash: str, wanted: str) -> dict[str, Any] | None:
        """Return what the store says of a base model, if that is not damaged as well."""
        try:
            manifest = self.home.store.manifest(spec_hash)
        except IntegrityError:
            return None
        return manifest if manifest["content_hash"] == wanted else None

    def _fetch(self, spec_hash: str, manifest: Mapping[str, Any], donors: Iterable[Remote]) -> str | None:
        """Bring a base model home from the first worker that has it whole; return that worker's name."""
        files = [FileDigest.from_row(row) for row in manifest["files"]]
        for remote in donors:
            arrival = Arrival(
                *(self.home.layout, remote, base_model_job_id(spec_hash), 0, Finished(Outcome.SUCCEEDED))
            )
            try:
                there = remote.layout.cached(manifest["content_hash"])
                self.home.store.add(arrival.fetch(_PART, there, files), manifest)
            except (TwophaseError, OSError):
                arrival.clear()  # a worker that has it not, or not whole: the next may
                continue
            arrival.clear()
            return remote.name
        return None
