"""How a run deals with trouble: numbers that the user may set."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Policy:
    """How a run deals with trouble."""

    retries: int = 1
    """Further tries for a job that failed; a lost attempt or exit code 75 does not count as a failure."""
    strict_phases: bool = False
    """Hold Phase 2 until all of Phase 1 has ended."""
    lease_s: float = 300.0
    """How long a silent worker keeps its attempts."""
    backoff_s: float = 5.0
    """Before the first retry; doubles with each."""
    max_losses: int = 5
    """Lost attempts of one job, so that a job that takes its worker down does not go on for ever."""
    max_requeues: int = 20
    """Exit codes 75 of one job."""
    max_evictions: int = 100
    """Attempts of one job that ended with their allocation: perhaps it never gets further in one."""
    max_deliveries: int = 3
    """Tries to bring one artefact to one worker."""
    checkpoint_s: float = 900.0
    """How long the next attempt waits for what the last one left to go on from."""
    give_up_s: float = 1800.0
    """How long a run waits when all of its workers are silent, or their places bad …"""
    never_up_s: float = 600.0
    """… and for those that were never up."""
    max_faults: int = 20
    """Attempts of one job that ran when their worker's place turned bad: perhaps it fills the disks."""
    max_false_starts: int = 100
    """Attempts of one job that a bad place kept from starting: perhaps the job is what cannot be prepared."""
    max_collect_faults: int = 2
    """Outcomes of one job that its worker could not hand over: after these it costs a retry."""
    max_failures: int = 0
    """After so many jobs that failed alike, with no success between, nothing more is started; 0 is never.

    Of an addition: nothing more of it."""
    warms: bool = True
    """Sends a worker that is about to run out of work the base model of its next job while it computes."""
    peers: bool = False
    """Workers take base models from each other."""
    max_running: int | None = None
    """At most so many attempts on all workers together; None is as many as they have room for."""
    stands: bool = False
    """Goes on without jobs and without workers until it is stopped, and what failed waits for a `retry`."""

    def with_patience(self, seconds: float | None) -> Policy:
        """Return the policy of a run that waits so long for workers, ever up or never; None leaves it."""
        return self if seconds is None else replace(self, give_up_s=seconds, never_up_s=seconds)
