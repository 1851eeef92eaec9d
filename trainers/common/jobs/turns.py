"""Jobs that take turns in one process: each asks for what it wants done, and goes on when it has it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Generic, TypeVar

from trainers.common.errors import TrainerError

Wish = TypeVar("Wish")
Answer = TypeVar("Answer")

Ended = Callable[[int, Exception | None], None]
"""Called with the number of a job when it has ended, and what ended it before it was done."""


@dataclass(frozen=True)
class Task(Generic[Wish, Answer]):
    """A job, and whether it is to go on."""

    run: Generator[Wish, Answer, None]
    """Asks for one thing after the other, and is thrown what ends it."""
    may_go_on: Callable[[], None]
    """Raises a TrainerError where it is to end."""


class Turns(Generic[Wish, Answer]):
    """The jobs that have not begun, and what those that have ask for."""

    def __init__(self, tasks: Sequence[Task[Wish, Answer]], ended: Ended) -> None:
        self._tasks, self._ended = tasks, ended
        self.untouched = deque(range(len(tasks)))
        """Numbers of jobs that have not begun."""
        self.asked: dict[int, Wish] = {}
        """What waits to be done, by job."""

    @property
    def go_on(self) -> bool:
        """Whether anything is left to be done."""
        return bool(self.untouched or self.asked)

    def take(self) -> dict[int, Wish]:
        """Return what is asked for, which waits no more."""
        now, self.asked = self.asked, {}
        return now

    def begin(self) -> None:
        """Let the next job begin."""
        number = self.untouched.popleft()
        self._advance(number, partial(next, self._tasks[number].run))

    def send(self, number: int, answer: Answer) -> None:
        """Let a job go on with what it asked for."""
        self._advance(number, partial(self._tasks[number].run.send, answer))

    def throw(self, number: int, error: Exception) -> None:
        """Let a job end of an error."""
        self._advance(number, partial(self._tasks[number].run.throw, error))

    def ask(self) -> None:
        """End the jobs that are to end while they wait for others."""
        for number in [*self.asked, *self.untouched]:
            try:
                self._tasks[number].may_go_on()
            except TrainerError as error:
                self.asked.pop(number, None)
                if number in self.untouched:
                    self.untouched.remove(number)
                self.throw(number, error)

    def _advance(self, number: int, step: Callable[[], Wish]) -> None:
        try:
            self.asked[number] = step()
        except StopIteration:
            self._ended(number, None)
        except (TrainerError, OSError) as error:
            self._ended(number, error)
