"""Several runs at once: what they ask to be trained is trained as one, and each goes on as soon as it can."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from trainers.common.errors import TrainerError
from trainers.common.jobs import turns
from trainers.common.jobs.turns import Ended, Turns
from trainers.personalization.fitting.courses import Progress, Trainee
from trainers.personalization.fitting.training import Ending, fit

MOST_BYTES = 1 << 29
"""Of the windows of runs that are under way at once; training takes some three times as much."""

Task = turns.Task[list[Trainee], list[Progress]]


@dataclass
class _Asked:
    """What one run wants trained."""

    trainees: list[Trainee]
    endings: dict[int, Ending] = field(default_factory=dict)


def run_together(tasks: Sequence[Task], ended: Ended) -> None:
    """Do all runs, with the trainings that they ask for as one as far as there is memory for their windows.

    A run goes on, and ends, when its own trainings have ended, whatever else is still trained.
    """
    _Together(tasks, ended).do()


class _Together:
    def __init__(self, tasks: Sequence[Task], ended: Ended) -> None:
        self._turns = Turns(tasks, ended)

    def do(self) -> None:
        while self._turns.go_on:
            self._begin_some()
            self._train({number: _Asked(trainees) for number, trainees in self._turns.take().items()})

    def _train(self, now: dict[int, _Asked]) -> None:
        places = [(number, place) for number, one in now.items() for place in range(len(one.trainees))]

        def ended(at: int, ending: Ending) -> None:
            number, place = places[at]
            self._note(now, number, place, ending)

        fit([now[number].trainees[place] for number, place in places], ended, self._turns.ask)

    def _begin_some(self) -> None:
        """Have runs load their windows that have not begun."""
        while self._turns.untouched and sum(map(_size, self._turns.asked.values())) < MOST_BYTES:
            self._turns.begin()

    def _note(self, now: dict[int, _Asked], number: int, place: int, ending: Ending) -> None:
        asked = now[number]
        asked.endings[place] = ending
        if len(asked.endings) == len(asked.trainees):
            del now[number]
            self._go_on(number, [asked.endings[place] for place in sorted(asked.endings)])

    def _go_on(self, number: int, endings: Sequence[Ending]) -> None:
        for ending in endings:
            if isinstance(ending, TrainerError):
                self._turns.throw(number, ending)
                return
        self._turns.send(number, [ending for ending in endings if isinstance(ending, Progress)])


def _size(trainees: Sequence[Trainee]) -> int:
    """Return the bytes of a run's windows, which all of its networks share."""
    trainee = trainees[0]
    windows = [trainee.train.windows, *([trainee.val] if trainee.val else [])]
    return sum(one.X_NCT.numel() * one.X_NCT.element_size() for one in windows)
