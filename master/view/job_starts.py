"""What is said of jobs' starts: who ran otherwise than asked, and what `warm` would have saved."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from master.core.harmless import clean
from master.core.running.records import RunState
from worker_agent.protocol.outcome import Finished

IMPORT_S = {
    **{"lightning": 4.0, "pytorch_lightning": 4.0, "tensorflow": 4.0, "keras": 4.0, "transformers": 3.0},
    **{
        "torch": 2.0,
        "sklearn": 1.0,
        "jax": 1.0,
        "pandas": 0.5,
        "h5py": 0.25,
        "matplotlib": 0.2,
        "numpy": 0.1,
    },
}
"""Seconds that a module and all that it imports take on an idle core, with the files in memory."""
_FEWEST_JOBS = 4
_LEAST_S = 5.0
_LEAST_SHARE = 0.2
"""Of the jobs' time: whatever saves less is not worth a line."""


def start_notes(state: RunState, imports: Iterable[str]) -> list[str]:
    """Return what there is to say of the starts at the end of a run whose program imports `imports`."""
    ended = [record.finished for record in state.jobs.values() if record.finished]
    return [*other_executors(ended), *warm_hint(durations_of(ended), imports)]


def other_executors(ended: Iterable[Finished]) -> list[str]:
    """Say how many jobs ran otherwise than asked, a line for each reason."""
    reasons = Counter((item.executor, clean(item.executor_note)) for item in ended if item.executor_note)
    return [
        f"{count:,} {'job' if count == 1 else 'jobs'} ran as {executor}: {note}"
        for (executor, note), count in reasons.most_common()
    ]


def durations_of(ended: Iterable[Finished]) -> list[float]:
    """Return the seconds of the jobs that succeeded as a process of their own, as they were asked to."""
    own = (item for item in ended if item.succeeded and item.executor == "process" and not item.executor_note)
    return [item.duration_s for item in own if item.duration_s is not None]


def warm_hint(durations: Sequence[float], imports: Iterable[str]) -> list[str]:
    """Say what `--executor warm` would have saved of the time of jobs that each import `imports`, if much."""
    known = {name: IMPORT_S[name] for name in imports if name in IMPORT_S}
    saved = saved_s(durations, known.values())
    if len(durations) < _FEWEST_JOBS or saved < max(_LEAST_S, _LEAST_SHARE * sum(durations)):
        return []
    what = max(known, key=lambda name: known[name])
    return [
        f"{len(durations):,} jobs took {sum(durations):.0f} s of computing, of that about {saved:.0f} s to"
        f" start Python and import {what}: `--executor warm` would have saved them (docs/executors.md)"
    ]


def saved_s(durations: Sequence[float], import_s: Iterable[float]) -> float:
    """Return the seconds that the imports of all jobs took: of each at most the shortest job's time.

    The slowest import counts alone, since one often imports the others.
    """
    return len(durations) * min([max(import_s, default=0.0), *durations])
