"""Several jobs at once: what they want trained is trained together, and each goes on as soon as it can."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from functools import partial

from trainers.common.errors import TrainerError
from trainers.tabular.training.members import Examples, Trained, Training
from trainers.tabular.training.together import Outcome, train_together

MOST_BYTES = 1 << 29
"""Of the prepared rows of jobs that are under way at once; training takes some three times as much."""

Run = Generator[Training, list[Trained], None]
"""A job: it asks for one training after the other, and is thrown what ends it."""
Ended = Callable[[int, Exception | None], None]
"""Called with the number of a job when it has ended, and what ended it before it was done."""


@dataclass(frozen=True)
class Task:
    """A job, and whether it is to go on."""

    run: Run
    may_go_on: Callable[[], None]
    """Raises a TrainerError where it is to end."""


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
        self._tasks, self._ended = tasks, ended
        self._untouched = deque(range(len(tasks)))
        self._asked: dict[int, Training] = {}
        """What waits to be trained, by job."""

    def do(self) -> None:
        while self._untouched or self._asked:
            self._begin_some()
            now, self._asked = self._asked, {}
            self._train([*now], [*now.values()])

    def _train(self, numbers: Sequence[int], trainings: Sequence[Training]) -> None:
        train_together(trainings, lambda at, found: self._go_on(numbers[at], found), self._ask)

    def _begin_some(self) -> None:
        """Have jobs read their rows that have not begun."""
        while self._untouched and self._bytes() < MOST_BYTES:
            self._ask()
            if self._untouched:
                number = self._untouched.popleft()
                self._advance(number, partial(next, self._tasks[number].run))

    def _bytes(self) -> int:
        tables = {id(one.examples): one.examples for one in self._asked.values()}
        return sum(map(_size, tables.values()))

    def _go_on(self, number: int, found: Outcome) -> None:
        run = self._tasks[number].run
        self._advance(number, lambda: run.send(found) if isinstance(found, list) else run.throw(found))

    def _ask(self) -> None:
        """End the jobs that are to end while they wait for others."""
        for number in [*self._asked, *self._untouched]:
            try:
                self._tasks[number].may_go_on()
            except TrainerError as error:
                self._asked.pop(number, None)
                if number in self._untouched:
                    self._untouched.remove(number)
                self._go_on(number, error)

    def _advance(self, number: int, step: Callable[[], Training]) -> None:
        try:
            self._asked[number] = step()
        except StopIteration:
            self._ended(number, None)
        except (TrainerError, OSError) as error:
            self._ended(number, error)


def _size(examples: Examples) -> int:
    parts = (examples.numeric, examples.categories, examples.targets)
    return sum(part.numel() * part.element_size() for part in parts)
