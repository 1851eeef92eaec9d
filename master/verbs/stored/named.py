"""Base models by what users call them."""

from __future__ import annotations

from typing import Any

from master.core.explaining.planned import Planned
from master.core.nearest import near, shown
from master.errors import IntegrityError, UsageError
from master.storage.base_model_store import BaseModelStore
from master.storage.journal_snapshot import open_snapshot
from master.storage.run_layout import RunLayout
from master.storage.verification import stored

LEAST_DIGITS = 6


def planned_in(layout: RunLayout) -> Planned | None:
    """Return what the last start in a directory had to do; None where no journal tells."""
    if not layout.journal.exists():
        return None
    with open_snapshot(layout.journal) as snapshot:
        return snapshot.planned()


def named_manifest(layout: RunLayout, word: str) -> dict[str, Any]:
    """Return the manifest of the base model that a hash, or its start, names.

    Raises UsageError where it names none, several, or one whose manifest cannot be read.
    """
    hashes = list(stored(layout))
    found = [one for one in hashes if one == word or (len(word) >= LEAST_DIGITS and one.startswith(word))]
    if len(found) > 1:
        raise UsageError(f"{shown(word)} begins the hashes of {len(found)} base models: say more of it")
    if not found:
        alike = near(word, [*hashes, *(one[: len(word)] for one in hashes)])
        meant = f"did you mean {alike}?" if alike else "`twophase base ls` lists them"
        few = f"; {LEAST_DIGITS} digits at least" if len(word) < LEAST_DIGITS else ""
        raise UsageError(f"no base model {shown(word)} in {layout.base_models}: {meant}{few}")
    try:
        return BaseModelStore(layout).manifest(found[0])
    except IntegrityError as error:
        raise UsageError(f"{error}; `twophase base verify` tells more") from error
