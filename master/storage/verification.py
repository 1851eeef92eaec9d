"""Whether all that a run has is what its digests say: read, hashed, nothing changed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from master.errors import ConfigError
from master.storage.base_model_store import BaseModelStore
from master.storage.journal_reading import read_transitions
from master.storage.rebuilding import published, with_records
from master.storage.run_layout import RunLayout


@dataclass(frozen=True)
class Verified:
    """What was found."""

    transitions: int = 0
    base_models: int = 0
    """That are whole."""
    results: int = 0
    """That are what they say of themselves."""
    problems: tuple[str, ...] = ()

    def told(self) -> str:
        """Return the counts in words."""
        whole = f"{self.base_models} base models and {self.results} results are what their digests say"
        return f"{self.transitions} transitions in the journal; {whole}"


def verify(layout: RunLayout) -> Verified:
    """Hash all base models and results of a run directory, and read its journal."""
    problems: list[str] = []
    try:
        transitions = len(read_transitions(layout.journal))
    except ConfigError as error:
        transitions = 0
        problems.append(str(error))
    store = BaseModelStore(layout)
    whole, damaged = store.scan(stored(layout))
    ids = list(with_records(layout))
    sound = {result.job_id for result in published(layout, ids)}
    problems += damaged.values()
    wrong = (layout.result(job_id) for job_id in ids if job_id not in sound)
    problems += (f"{folder}: not what its record says" for folder in wrong)
    return Verified(transitions, len(whole), len(sound), tuple(problems))


def stored(layout: RunLayout) -> Iterator[str]:
    """Yield the names of all that lies in the store as a base model does."""
    if layout.base_models.is_dir():
        yield from sorted(path.name for path in layout.base_models.iterdir() if not path.name.startswith("."))
