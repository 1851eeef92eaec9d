"""Several runs at once: what they ask to be trained is trained as one, and each goes on as soon as it can."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

from trainers.common.errors import TrainerError
from trainers.personalization.fitting.courses import Progress, Trainee
from trainers.personalization.fitting.training import Ending, fit
from trainers.personalization.runs import Run

MOST_BYTES = 1 << 29
"""Of the windows of runs that are under way at once; training takes some three times as much."""

Ended = Callable[[int, Exception | None], None]
"""Called with the number of a run when it has ended, and what ended it before it was done."""


@dataclass(frozen=True)
class Task:
    """A run, and whether it is to go on."""

    run: Run
    may_go_on: Callable[[], None]
    """Raises a TrainerError where it is to end."""


@dataclass
class _Asked:
    """What one run wants trained."""

    trainees: list[Trainee]
    endings: dict[int, Ending] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """Bytes of its windows, which all of its networks share."""
        trainee = self.trainees[0]
        windows = [trainee.train.windows, *([trainee.val] if trainee.val else [])]
        return sum(one.X_NCT.numel() * one.X_NCT.element_size() for one in windows)


def run_together(tasks: Sequence[Task], ended: Ended) -> None:
    """Do all runs, with the trainings that they ask for as one as far as there is memory for their windows.

    A run goes on, and ends, when its own trainings have ended, whatever else is still trained.
    """
    _Together(tasks, ended).do()


class _Together:
    def __init__(self, tasks: Sequence[Task], ended: Ended) -> None:
        self._tasks, self._ended = tasks, ended
        self._untouched = deque(range(len(tasks)))
        self._asked: dict[int, _Asked] = {}
        """What waits to be trained, by run."""

    def do(self) -> None:
        while self._untouched or self._asked:
            self._begin_some()
            now, self._asked = self._asked, {}
            self._train(now)

    def _train(self, now: dict[int, _Asked]) -> None:
        places = [(number, place) for number, one in now.items() for place in range(len(one.trainees))]

        def ended(at: int, ending: Ending) -> None:
            number, place = places[at]
            self._note(now, number, place, ending)

        fit([now[number].trainees[place] for number, place in places], ended, self._ask)

    def _begin_some(self) -> None:
        """Have runs load their windows that have not begun."""
        size = sum(one.size for one in self._asked.values())
        while self._untouched and size < MOST_BYTES:
            number = self._untouched.popleft()
            self._go_on(number, partial(next, self._tasks[number].run))
            size += self._asked[number].size if number in self._asked else 0

    def _note(self, now: dict[int, _Asked], number: int, place: int, ending: Ending) -> None:
        asked = now[number]
        asked.endings[place] = ending
        if len(asked.endings) == len(asked.trainees):
            del now[number]
            self._go_on(number, partial(_sent, self._tasks[number].run, asked.endings))

    def _ask(self) -> None:
        """End the runs that are to end while they wait for others."""
        for number in [*self._asked, *self._untouched]:
            try:
                self._tasks[number].may_go_on()
            except TrainerError as error:
                self._asked.pop(number, None)
                if number in self._untouched:
                    self._untouched.remove(number)
                self._go_on(number, partial(self._tasks[number].run.throw, error))

    def _go_on(self, number: int, advance: Callable[[], list[Trainee]]) -> None:
        try:
            self._asked[number] = _Asked(advance())
        except StopIteration:
            self._ended(number, None)
        except (TrainerError, OSError) as error:
            self._ended(number, error)


def _sent(run: Run, endings: dict[int, Ending]) -> list[Trainee]:
    found = [endings[place] for place in sorted(endings)]
    for ending in found:
        if isinstance(ending, TrainerError):
            return run.throw(ending)
    return run.send([ending for ending in found if isinstance(ending, Progress)])
