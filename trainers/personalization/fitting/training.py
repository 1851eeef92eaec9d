"""The training loop: epochs, early stopping and checkpoints, of one network or of many."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import nn

from trainers.common.cuda_graphs import CudaRecorder, Recorder
from trainers.common.errors import TrainerError
from trainers.personalization.errors import DivergedError
from trainers.personalization.fitting.checkpoints import resume, save
from trainers.personalization.fitting.courses import Past, Progress, Trainee
from trainers.personalization.fitting.epochs import width
from trainers.personalization.fitting.limits import at_once
from trainers.personalization.fitting.moments import Moments
from trainers.personalization.fitting.stack import Stack
from trainers.personalization.recipe.inputs import split_off_inputs
from trainers.personalization.scoring import Scores

Ending = Progress | TrainerError
Ended = Callable[[int, Ending], None]
"""Called with the number of a training as soon as it has ended."""
_CUT_AT = 0.25
"""The share that must have stopped before it is cut out; on a CPU each network is when it stops."""


def _tell_nobody(number: int, ending: Ending) -> None:
    """The caller waits for all."""


def _nothing() -> None:
    """The caller has nothing to do meanwhile."""


def fit(
    trainees: Sequence[Trainee], ended: Ended = _tell_nobody, between: Callable[[], None] = _nothing
) -> list[Ending]:
    """Train networks in place and return how each went, or why it was not to be trained to its end.

    Those of one shape learn as one.  Each goes on from its checkpoint where there is one of the same job, and
    comes to the same result alone or with others.  `between` is called before each epoch.
    """
    return _Fit(trainees, ended, between).run()


class _Fit:
    """Trainings, of which as many learn at once as are alike and there is room for."""

    def __init__(self, trainees: Sequence[Trainee], ended: Ended, between: Callable[[], None]) -> None:
        self._waiting = dict(enumerate(trainees))
        self._ended, self._between = ended, between
        self._endings: dict[int, Ending] = {}

    def run(self) -> list[Ending]:
        alike: dict[Hashable, list[int]] = {}
        for number, trainee in self._waiting.items():
            alike.setdefault(_kind(trainee), []).append(number)
        for numbers in alike.values():
            while left := [number for number in numbers if number in self._waiting]:
                part = left[: at_once(self._waiting[left[0]])]
                courses = [_begun(self._waiting.pop(number), partial(self._end, number)) for number in part]
                _Training(courses, self._ask_who_waits).run()
        return [self._endings[number] for number in sorted(self._endings)]

    def _end(self, number: int, ending: Ending) -> None:
        self._endings[number] = ending
        self._ended(number, ending)

    def _ask_who_waits(self) -> None:
        """End those that are to end before their turn has come."""
        for number, trainee in list(self._waiting.items()):
            if error := _leaving(trainee):
                del self._waiting[number]
                self._end(number, error)
        self._between()


def _leaving(trainee: Trainee) -> TrainerError | None:
    try:
        trainee.may_go_on()
    except TrainerError as error:
        return error
    return None


def _kind(trainee: Trainee) -> Hashable:
    """Return what networks must have in common to learn as one."""
    body, _ = split_off_inputs(trainee.network)
    layers = ["Dropout" if isinstance(layer, nn.Dropout) else repr(layer) for layer in body.children()]
    X, schedule = trainee.train.windows.X_NCT, trainee.schedule
    shape = (width(trainee.train), *X.shape[1:], X.dtype, X.device)
    return (*layers, shape, schedule.augmentation, schedule.average > 0, trainee.val is None)


@dataclass
class _Course:
    """One network on its way."""

    trainee: Trainee
    progress: Progress
    moments: Moments
    tell: Callable[[Ending], None]
    is_over: bool = False

    def end(self, ending: Ending) -> None:
        """Tell at once how it went: nobody waits for those that learn longer."""
        self.is_over = True
        self.tell(ending)


class _Training:
    """Networks of one shape, until all of them have ended."""

    def __init__(self, courses: Sequence[_Course], between: Callable[[], None]) -> None:
        self._all, self._between = courses, between

    def run(self) -> None:
        for course in self._all:
            if course.progress.is_over(course.trainee.schedule):
                self._leave(course, course.moments)
                course.end(course.progress)
        # Longest first: those that take a step are then always the first ones.
        self._left = sorted((one for one in self._all if not one.is_over), key=_steps, reverse=True)
        if self._left:
            trainees, moments = [one.trainee for one in self._left], [one.moments for one in self._left]
            self._stack = Stack(trainees, moments, _recorder(trainees[0].train.windows.X_NCT.device))
            for row, course in enumerate(self._left):
                self._stack.rows.remember(row, course.trainee.network, course.progress.best_weights)
        while self._left:
            self._ask_to_go_on()
            self._cut()
            if any(not course.is_over for course in self._left):
                self._epoch()
                self._cut()

    def _ask_to_go_on(self) -> None:
        self._between()
        for row, course in enumerate(self._left):
            if not course.is_over and (error := _leaving(course.trainee)):
                self._save_for_later(row, course)
                course.end(error)

    def _save_for_later(self, row: int, course: _Course) -> None:
        """Keep how far a training has come that is to end now: another attempt goes on from there."""
        checkpoint = course.trainee.checkpoint
        if checkpoint and checkpoint.every and course.progress.epoch:
            self._write_back(row, course)
            save(checkpoint, course.trainee.network, self._stack.moments(row), course.progress)

    def _epoch(self) -> None:
        waiting = [course.is_over for course in self._left]
        trained = self._stack.epoch([course.progress for course in self._left], waiting)
        held_out = self._left[0].trainee.val is not None
        validated = self._stack.validate() if held_out else trained
        better = []
        for row, (course, *found) in enumerate(zip(self._left, trained, validated, strict=True)):
            if not course.is_over and self._recorded(course, *found):
                better.append(row)
        if better and held_out:
            self._stack.rows.keep_best(torch.tensor(better, device=self._stack.rows.best.device))
        for row, course in enumerate(self._left):
            if not course.is_over:
                self._told(row, course)

    @staticmethod
    def _recorded(course: _Course, train: Scores, val: Scores) -> bool:
        schedule, progress = course.trainee.schedule, course.progress
        try:
            _refuse_divergence(train, val, schedule.stage, progress.epoch + 1)
        except DivergedError as error:
            course.end(error)
            return False
        return progress.record(train, val, schedule.least_epochs)

    def _told(self, row: int, course: _Course) -> None:
        trainee, progress = course.trainee, course.progress
        epochs, checkpoint = trainee.schedule.epochs, trainee.checkpoint
        trainee.report(progress.epoch, epochs, **{name: curve[-1] for name, curve in progress.curves.items()})
        over = progress.epoch >= epochs if trainee.val is None else progress.is_over(trainee.schedule)
        due = bool(checkpoint and checkpoint.every and progress.epoch % checkpoint.every == 0)
        if over or due:
            self._write_back(row, course)
        if checkpoint and due:
            save(checkpoint, trainee.network, self._stack.moments(row), progress)
        if over:
            self._leave(course, self._stack.moments(row))
            course.end(progress)

    @staticmethod
    def _leave(course: _Course, moments: Moments) -> None:
        """Keep the state of a training that ends, where a longer one may go on from it."""
        trainee = course.trainee
        if trainee.kept:
            save(trainee.kept, trainee.network, moments, course.progress)

    def _write_back(self, row: int, course: _Course) -> None:
        """Give a network and its progress what has become of them in the stack."""
        rows, network = self._stack.rows, course.trainee.network
        if course.trainee.val is None:
            rows.put(rows.averages[row], network)
            return
        rows.put(rows.best[row], network)
        course.progress.best_weights = copy.deepcopy(network.state_dict())
        rows.put(rows.values[row], network)

    def _cut(self) -> None:
        """Leave those that are over behind, once they are worth the copies."""
        kept = [row for row, course in enumerate(self._left) if not course.is_over]
        gone, on_cpu = len(self._left) - len(kept), self._stack.rows.values.device.type == "cpu"
        if not gone or (not on_cpu and gone < _CUT_AT * len(self._left)):
            return
        if kept:
            self._stack.cut(kept)
        self._left = [self._left[row] for row in kept]


def _begun(trainee: Trainee, tell: Callable[[Ending], None]) -> _Course:
    past = trainee.past or Past(Progress(), Moments.of(trainee.network))
    progress = resume(trainee.checkpoint, trainee.network, past.moments, trainee.notes)
    return _Course(trainee, progress or past.progress, past.moments, tell)


def _recorder(device: torch.device) -> Recorder | None:
    """Return what records steps where launches take most of the time; what is random lies outside of them."""
    return CudaRecorder(device) if device.type == "cuda" else None


def _steps(course: _Course) -> int:
    return course.trainee.train.n_batches


def _refuse_divergence(train: Scores, val: Scores, stage: str, epoch: int) -> None:
    for name, loss in (("training", train.loss), ("validation", val.loss)):
        if not math.isfinite(loss):
            raise DivergedError(
                f"{stage} training diverged: the {name} loss of epoch {epoch} is {loss}; try a lower lr"
            )
