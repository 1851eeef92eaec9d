"""A client for Python programs of a master that works in a directory of this machine.

    from master.client import Client

    client = Client("~/standing")                  # where `twophase serve` works
    addition = client.submit([{"lr": 1e-3}, {"lr": 1e-4}], script="train.py")
    for result in client.as_completed(addition):
        print(result.job_id, result.state, result.metrics)

Only `submit` needs the master; all else reads its journal, so that one that was killed and goes on is waited
for.  Submitting the same jobs with the same code again adds nothing and gives the same addition.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from master.core.explaining.standing import Standing
from master.core.planning.plan import makes_base_model
from master.core.running.lifecycle import Trigger
from master.core.running.orders.of_jobs import AddJobs
from master.errors import ConfigError, TwophaseError, UsageError
from master.runs.control.client import add_jobs
from master.storage.journal_following import JournalFollower
from master.storage.journal_reading import read_orders
from master.storage.journal_snapshot import open_snapshot
from master.storage.run_layout import RunLayout
from master.view.answers.result_rows import row_of
from master.view.answers.states import ENDED

_PAUSE_S = 0.5
_LOOKS = 6
"""At a journal that cannot be read."""
_Seen = TypeVar("_Seen")


@dataclass(frozen=True)
class Addition:
    """Jobs that were submitted together."""

    name: str
    """Their field `_addition`; empty where the program of the run runs them."""
    job_ids: tuple[str, ...]


@dataclass(frozen=True)
class Result:
    """What became of a job."""

    job_id: str
    state: str
    """`succeeded`, `failed`, `cancelled`, `pruned`, `blocked` (its base model failed); others: it goes on."""
    note: str
    """Why it failed or was pruned, or who cancelled it."""
    parameters: Mapping[str, Any]
    metrics: Mapping[str, float]
    folder: Path
    """Where its files are once it has succeeded."""


class Client:
    """Talks to the master that works in a directory.  Use it from one thread."""

    def __init__(self, directory: str | os.PathLike[str], patience_s: float = 60.0) -> None:
        """`patience_s` is how long `submit` tries again where no master answers."""
        self._layout, self._patience_s = RunLayout(Path(directory).expanduser()), patience_s
        self._fields: Mapping[str, Mapping[str, Any]] = {}

    def submit(
        self, jobs: Sequence[Mapping[str, Any]] | Mapping[str, Any], *, dry_run: bool = False, **program: str
    ) -> Addition:
        """Add jobs: a list of their fields, or what else a jobs file may hold.

        `program` is `script`, `module` or `trainer`, or none of them for the program of the run;
        `project_root`, `flag_style`, `name` and `why` are as of `twophase add`.  Raises UsageError for what
        is wrong, with nothing added, and TwophaseError where no master answers for so long.
        """
        request = {**program, **_whole(program), "jobs": jobs, "dry_run": dry_run}
        until = time.monotonic() + self._patience_s
        while True:
            try:
                told = add_jobs(self._layout, request)
                # Those that are refused are in the run already: a reply may have been lost.
                names = (item["name"] for item in (*told["done"], *told["refused"]))
                return Addition(told["addition"], tuple(names))
            except UsageError:
                raise
            except TwophaseError:
                if time.monotonic() >= until:
                    raise
                time.sleep(_PAUSE_S)

    def addition(self, name: str) -> Addition:
        """Return all jobs that were added under a name.  Raises UsageError where there are none."""
        orders = (event.order for event in read_orders(self._layout.journal))
        ids = [order.ids for order in orders if isinstance(order, AddJobs) and order.name == name]
        if not ids:
            raise UsageError(f"{self._layout.root}: no addition is called {name!r}")
        return Addition(name, tuple(dict.fromkeys(job_id for each in ids for job_id in each.values())))

    def as_completed(
        self, addition: Addition | Iterable[str], timeout_s: float | None = None
    ) -> Iterator[Result]:
        """Yield each job of an addition, or each of these ids, once it has ended, in the order of their ends.

        Raises TimeoutError where they have not all ended after so long, UsageError for what is no job.
        """
        left = dict.fromkeys(_ids(addition))
        until = None if timeout_s is None else time.monotonic() + timeout_s
        with closing(JournalFollower(self._layout.journal)) as follower:
            seq = 0
            while left:
                news = _again(partial(follower.news, seq))
                if news and not seq:
                    _again(partial(self._check_known, tuple(left)))
                rows = news.rows if news else []
                seq = rows[-1][0] if rows else seq
                for job_id, (state, note) in _ended(rows, left).items():
                    del left[job_id]
                    yield self._result(job_id, state, note)
                if left and until is not None and time.monotonic() >= until:
                    raise TimeoutError(f"{len(left)} of the jobs have not ended, such as {next(iter(left))}")
                if left:
                    time.sleep(_PAUSE_S)

    def wait(self, addition: Addition | Iterable[str], timeout_s: float | None = None) -> list[Result]:
        """Wait until all jobs have ended, and return what became of them.  Raises as `as_completed`."""
        names = _ids(addition)
        for _ in self.as_completed(names, timeout_s):
            pass
        return self.results(names)

    def results(self, addition: Addition | Iterable[str]) -> list[Result]:
        """Return what has become of jobs by now.  Raises UsageError for what is no job."""
        names = _ids(addition)
        if not names:
            return []
        _again(partial(self._check_known, names))
        standings = _again(self._look)
        stand = ((name, standings.get(name, Standing())) for name in names)
        return [self._result(name, standing.state, standing.note) for name, standing in stand]

    def _check_known(self, job_ids: Iterable[str]) -> None:
        """Refuse ids of no job, as of a dry run: they would be waited for without an end."""
        with open_snapshot(self._layout.journal) as snapshot:
            known = set(snapshot.job_ids())
            missing = [name for name in job_ids if name not in known and not makes_base_model(name)]
            if missing:  # a master that was killed may not have come further than the order
                orders = (event.order for event in snapshot.orders())
                ordered = [order.ids.values() for order in orders if isinstance(order, AddJobs)]
                missing = [name for name in missing if not any(name in ids for ids in ordered)]
        if missing:
            raise UsageError(f"{self._layout.root}: no job is called {missing[0]!r}: was it a dry run?")

    def _look(self) -> dict[str, Standing]:
        """Return where all jobs stand, and take in their fields."""
        with open_snapshot(self._layout.journal) as snapshot:
            self._fields = snapshot.fields()
            return snapshot.standings()

    def _result(self, job_id: str, state: str, note: str) -> Result:
        if job_id not in self._fields:
            _again(self._look)
        row = row_of(self._layout, job_id, state, self._fields.get(job_id))
        return Result(job_id, state, note, row.parameters, row.metrics, self._layout.result(job_id))


def _again(look: Callable[[], _Seen]) -> _Seen:
    """Look at a journal, and again for a moment where its master begins or ends just then."""
    for _ in range(_LOOKS):
        with suppress(ConfigError):
            return look()
        time.sleep(_PAUSE_S)
    return look()


def _whole(program: Mapping[str, str]) -> dict[str, str]:
    """Return the paths of a program as the master knows them, who works elsewhere."""
    root = {"project_root": ""} if "module" in program else {}
    paths = {name: said for name, said in {**root, **program}.items() if name in ("script", "project_root")}
    return {name: str(Path(said).expanduser().resolve()) for name, said in paths.items()}


def _ids(addition: Addition | Iterable[str]) -> list[str]:
    if isinstance(addition, str):
        raise UsageError(f"give an addition, or ids of jobs: client.addition({addition!r}), [{addition!r}]")
    return list(addition.job_ids if isinstance(addition, Addition) else addition)


def _ended(rows: Iterable[tuple[Any, ...]], jobs: Container[str]) -> dict[str, tuple[str, str]]:
    """Return state and note of those of the jobs that have ended, by the rows of a journal.

    What the end of a master has interrupted goes on with the next.
    """
    found: dict[str, tuple[str, str]] = {}
    for _, _, job_id, trigger, state, _, _, note, *_ in rows:
        if job_id in jobs:
            found.pop(job_id, None)
            if state in ENDED and trigger != Trigger.CANCEL.value:
                found[job_id] = state, note
    return found
