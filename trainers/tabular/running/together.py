"""Several jobs at once: what they want trained is trained together, and each goes on as soon as it can."""

from __future__ import annotations

from collections.abc import Generator, Sequence

from trainers.common.jobs import turns
from trainers.common.jobs.turns import Ended, Turns
from trainers.tabular.training.members import Examples, Trained, Training
from trainers.tabular.training.together import Outcome, train_together

MOST_BYTES = 1 << 29
"""Of the prepared rows of jobs that are under way at once; training takes some three times as much."""

Run = Generator[Training, list[Trained], None]
"""A job: it asks for one training after the other, and is thrown what ends it."""
Task = turns.Task[Training, list[Trained]]


def run_together(tasks: Sequence[Task], ended: Ended) -> None:
    """Do all jobs, as many at once as there is memory for their rows."""
    _Together(tasks, ended).do()


def run_alone(run: Run) -> None:
    """Do one job; raises what ends it before it is done."""

    def ended(number: int, error: Exception | None) -> None:
        if error is not None:
            raise error

    run_together([Task(run, lambda: None)], ended)


class _Together:
    def __init__(self, tasks: Sequence[Task], ended: Ended) -> None:
        self._turns = Turns(tasks, ended)

    def do(self) -> None:
        while self._turns.go_on:
            self._begin_some()
            now = self._turns.take()
            self._train([*now], [*now.values()])

    def _train(self, numbers: Sequence[int], trainings: Sequence[Training]) -> None:
        train_together(trainings, lambda at, found: self._go_on(numbers[at], found), self._turns.ask)

    def _begin_some(self) -> None:
        """Have jobs read their rows that have not begun."""
        while self._turns.untouched and self._bytes() < MOST_BYTES:
            self._turns.ask()
            if self._turns.untouched:
                self._turns.begin()

    def _bytes(self) -> int:
        tables = {id(one.examples): one.examples for one in self._turns.asked.values()}
        return sum(map(_size, tables.values()))

    def _go_on(self, number: int, found: Outcome) -> None:
        if isinstance(found, list):
            self._turns.send(number, found)
        else:
            self._turns.throw(number, found)


def _size(examples: Examples) -> int:
    parts = (examples.numeric, examples.categories, examples.targets)
    return sum(part.numel() * part.element_size() for part in parts)
