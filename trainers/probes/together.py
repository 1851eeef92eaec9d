"""Several jobs at once: layers that see the same batches are trained beside each other, others in turn."""

from __future__ import annotations

import time
from collections.abc import Sequence

from trainers.common.errors import TrainerError
from trainers.common.jobs import turns
from trainers.common.jobs.turns import Ended
from trainers.common.memory import OutOfMemoryError, memory_advice
from trainers.probes.fitting.columns import Trainee
from trainers.probes.fitting.fused import Progress, SharedTraining
from trainers.probes.work import LayerWork

Task = turns.Task[LayerWork, None]


def run_together(tasks: Sequence[Task], ended: Ended) -> None:
    """Do all jobs; each goes on, and ends, as soon as its own probes have finished."""
    _Together(tasks, ended).do()


class _Together:
    def __init__(self, tasks: Sequence[Task], ended: Ended) -> None:
        self._tasks, self._ended = tasks, ended
        self._waiting: dict[int, LayerWork] = {}
        """Layers whose training has not begun, by job."""
        self._training: dict[int, LayerWork] = {}

    def do(self) -> None:
        for number in range(len(self._tasks)):
            self._go_on(number)
        while self._waiting:
            kind = next(iter(self._waiting.values())).kind
            numbers = [number for number, work in self._waiting.items() if work.kind == kind]
            self._training = {number: self._waiting.pop(number) for number in numbers}
            self._train([(number, begun) for number in numbers if (begun := self._begun(number))])

    def _begun(self, number: int) -> Trainee | None:
        try:
            trainee = self._training[number].start(self._ask_those_that_wait)
        except (TrainerError, OSError) as error:
            self._refuse_alone(error)
            self._end(number, error)
            return None
        if trainee is None:
            self._go_on(number)
        return trainee

    def _train(self, begun: Sequence[tuple[int, Trainee]]) -> None:
        if not begun:
            return
        numbers = [number for number, _ in begun]
        try:
            with memory_advice("training", self._training[numbers[0]].advice):
                self._fit(numbers, SharedTraining([trainee for _, trainee in begun]))
        except OutOfMemoryError as error:
            self._refuse_alone(error)
            self._end(numbers[0], error)

    def _fit(self, numbers: Sequence[int], shared: SharedTraining) -> None:
        for number in numbers:
            self._training[number].told(shared.inputs)
        since = time.perf_counter()
        for steps in shared.run():
            share = (time.perf_counter() - since) / len(steps)
            for place, progress in steps.items():
                self._take(numbers[place], progress, share)
            self._ask()
            for place in steps:
                if numbers[place] not in self._training:
                    shared.leave(place)
            since = time.perf_counter()

    def _take(self, number: int, progress: Progress, seconds: float) -> None:
        try:
            self._training[number].took(progress.done, progress.total, progress.finished, seconds)
        except (TrainerError, OSError) as error:
            self._end(number, error)
            return
        if progress.is_over:
            self._go_on(number)

    def _refuse_alone(self, error: Exception) -> None:
        """Let memory that ran out end all jobs, where it may be another one's: they are tried again alone."""
        if isinstance(error, OutOfMemoryError) and len(self._tasks) > 1:
            raise error

    def _ask(self) -> None:
        """End the jobs that are to end, also while they wait for others."""
        self._ask_of([*self._training, *self._waiting])

    def _ask_those_that_wait(self) -> None:
        self._ask_of([*self._waiting])

    def _ask_of(self, numbers: Sequence[int]) -> None:
        for number in numbers:
            try:
                self._tasks[number].may_go_on()
            except TrainerError as error:
                self._end(number, error)

    def _go_on(self, number: int) -> None:
        self._training.pop(number, None)
        try:
            self._waiting[number] = next(self._tasks[number].run)
        except StopIteration:
            self._ended(number, None)
        except (TrainerError, OSError) as error:
            self._ended(number, error)

    def _end(self, number: int, error: Exception) -> None:
        self._training.pop(number, None)
        self._waiting.pop(number, None)
        self._tasks[number].run.close()
        self._ended(number, error)
