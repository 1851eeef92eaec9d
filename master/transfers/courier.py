"""Runs transfers off the dispatcher's thread, a few at a time with each worker, and none twice at a time."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor

from master.core.planning.plan import makes_base_model
from master.core.running import commands as cmd
from master.transfers.artefacts import Artefacts
from master.transfers.failed_attempts import FailedAttempts
from master.transfers.home import Home
from master.transfers.mending import Mending
from master.transfers.outcomes import Outcomes, is_empty
from master.transfers.patience import Patience
from master.transfers.remote import Remote
from master.transfers.reporter import Reporter
from master.transfers.retry import USUAL, Pauses
from master.transfers.single_flight import SingleFlight

PER_WORKER = 2
"""Transfers at a time with one worker."""


class Courier:
    """Executes Collect, CollectFailedAttempt and Deliver; the reporter gets the answers."""

    def __init__(
        self, home: Home, remotes: Mapping[str, Remote], reporter: Reporter, pauses: Pauses = USUAL
    ) -> None:
        """`remotes` are the workers by name, which may come and go."""
        self._remotes, self._patience = remotes, Patience(pauses)
        self._outcomes = Outcomes(home, reporter, self._patience)
        self._failed_attempts = FailedAttempts(home, reporter, self._patience)
        self._mending = Mending(home, remotes, reporter, self._patience.closing)
        self._artefacts = Artefacts(home, reporter, self._patience, self._mending)
        self._pools: dict[str, ThreadPoolExecutor] = {}
        self._mender = ThreadPoolExecutor(1, "mending")
        self._single_flight = SingleFlight()

    def close(self) -> None:
        """Try nothing again any more, and wait for what is under way."""
        self._patience.closing.set()
        for pool in (*self._pools.values(), self._mender):
            pool.shutdown(wait=True)

    def part(self, worker: str) -> None:
        """Wait for what is under way with a worker that has gone, of which nothing more is asked."""
        if pool := self._pools.pop(worker, None):
            pool.shutdown(wait=True)

    def mend(self, damaged: Iterable[str]) -> None:
        """Have base models again that are damaged when the run begins: before a worker asks for one."""
        for content_hash in damaged:
            self._mender.submit(self._mending.mend_early, content_hash)

    def finish_mending(self) -> None:
        """Wait until all of them have been looked for on the workers that are connected."""
        self._mending.hurry()
        self._mender.shutdown(wait=True)

    def collect(self, command: cmd.Collect) -> None:
        """Bring an outcome home; at once where there is nothing to bring."""
        if is_empty(command.finished) and not makes_base_model(command.job_id):
            self._outcomes.collected(command.job_id, command.attempt, "")
        else:
            key, remote = (command.job_id, command.attempt), self._remotes[command.worker]
            self._once(command.worker, key, lambda: self._outcomes.collect(command, remote))

    def collect_failed(self, command: cmd.CollectFailedAttempt) -> None:
        """Bring log and checkpoint of a failed attempt home if that can be, then let the worker forget it."""
        key, remote = ("failed", command.job_id, command.attempt), self._remotes[command.worker]
        self._once(command.worker, key, lambda: self._failed_attempts.collect(command, remote))

    def deliver(self, command: cmd.Deliver) -> None:
        """Bring an artefact to a worker."""
        remote = self._remotes[command.worker]
        self._once(command.worker, command, lambda: self._artefacts.deliver(command, remote))

    def _once(self, worker: str, key: Hashable, work: Callable[[], bool]) -> None:
        """Do `work` on a thread, and again if it gave up (False) though it was asked for meanwhile."""
        if self._single_flight.begin(key):
            if worker not in self._pools:
                self._pools[worker] = ThreadPoolExecutor(PER_WORKER, f"transfer-{worker}")
            self._pools[worker].submit(self._repeat, key, work)

    def _repeat(self, key: Hashable, work: Callable[[], bool]) -> None:
        while not self._single_flight.end(key, answered=work()):
            pass
