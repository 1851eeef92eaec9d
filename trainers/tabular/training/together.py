"""Trainings of several jobs: members of one kind take their steps together, each job ends with its own."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, TypeAlias

from torch import Tensor

from trainers.common.errors import TrainerError
from trainers.tabular.training.choice import planned
from trainers.tabular.training.members import Examples, Member, Trained, Training
from trainers.tabular.training.stack import Stack
from trainers.tabular.training.under_way import Seat, UnderWay

Outcome: TypeAlias = "list[Trained] | TrainerError | OSError"
Ended = Callable[[int, Outcome], None]
"""Called with the number of a training when all its members have stopped, and what came of it."""


def train_together(
    trainings: Sequence[Training], ended: Ended, between: Callable[[], None] = lambda: None
) -> None:
    """Train what several jobs want trained, as `train_members` trains what one wants.

    Members of one kind are stacked where that pays, whichever job they are of.  What a job wants comes to the
    same, but for rounding, whoever trains beside it.  `between` is called after each epoch.
    """
    _Together(trainings, ended, between).do()


class _Together:
    def __init__(self, trainings: Sequence[Training], ended: Ended, between: Callable[[], None]) -> None:
        self._trainings, self._ended, self._between = trainings, ended, between
        self._open: list[UnderWay] = []

    def do(self) -> None:
        for number, training in enumerate(self._trainings):
            try:
                self._open.append(UnderWay(number, training))
            except (TrainerError, OSError) as error:
                self._ended(number, error)
        for alike in _alike(self._open):
            if going := [one for one in alike if one.is_open]:
                self._train(going)

    def _train(self, alike: Sequence[UnderWay]) -> None:
        """Train trainings of one kind."""
        seats = [seat for one in alike for seat in one.seats]
        first = alike[0].training
        try:
            plan = planned(first.spec, [seat.given for seat in seats], first.options, len(alike))
        except TrainerError as error:
            for one in alike:
                self._end(one, error)
            return
        for one in alike:
            self._try(one, partial(one.training.reports.said, plan.reason))
            self._end_if_done(one)
        for numbers in plan.stacks:
            for part in _at_one_epoch([seats[number] for number in numbers]):
                self._train_stack([seat for seat in part if seat.owner.is_open])

    def _train_stack(self, running: list[Seat]) -> None:
        """Train members until all have stopped."""
        stack = _stack(running) if running else None
        while stack:
            self._train_epoch(running, stack)
            self._ask()
            self._note(running)
            left = [at for at, seat in enumerate(running) if not seat.has_stopped]
            if not left:
                return
            if _compacts(running, left):
                stack.keep(left)
                running = [running[at] for at in left]
            for owner in _owners(running):
                self._save(owner, running, stack)

    def _train_epoch(self, running: Sequence[Seat], stack: Stack) -> None:
        number, started = (
            max(seat.course.epoch for seat in running if not seat.has_stopped),
            time.perf_counter(),
        )
        losses = _floats(stack.epoch(number)), _floats(stack.validate())
        seconds = (time.perf_counter() - started) / len(running)
        for at, seat in enumerate(running):
            if seat.has_stopped:
                continue
            figures = {"train_loss": losses[0][at], "val_loss": losses[1][at], "rate": stack.rate(at, number)}
            record = {"epoch": number + 1, **figures}
            if seat.course.saw(record, seconds):
                seat.course.best = stack.weights(at)
            self._try(seat.owner, partial(seat.owner.training.reports.epoch, seat.member, record))

    def _note(self, running: Sequence[Seat]) -> None:
        """Keep those that have stopped, and end the trainings of which none is left."""
        for owner in _owners(running):
            own = [seat for seat in running if seat.owner is owner]
            for seat in own:
                if seat.has_stopped:
                    owner.checkpoint.finished(seat.member, seat.course)
            if all(seat.has_stopped for seat in own):
                self._try(owner, owner.checkpoint.between)
                self._end_if_done(owner)

    def _save(self, owner: UnderWay, running: Sequence[Seat], stack: Stack) -> None:
        own = [(at, seat) for at, seat in enumerate(running) if seat.owner is owner]
        self._try(owner, lambda: owner.save(own, stack.state))

    def _try(self, owner: UnderWay, work: Callable[[], object]) -> None:
        """Do what concerns one job alone, which ends where it fails."""
        try:
            work()
        except (TrainerError, OSError) as error:
            self._end(owner, error)

    def _ask(self) -> None:
        """End the trainings that are to end, also those that wait for others."""
        for one in list(self._open):
            self._try(one, one.training.may_go_on)
        self._between()

    def _end_if_done(self, one: UnderWay) -> None:
        if one.is_done:
            self._end(one, one.outcome())

    def _end(self, one: UnderWay, outcome: Outcome) -> None:
        if one.is_open:
            one.is_open = False
            self._open.remove(one)
            self._ended(one.number, outcome)


def _alike(trainings: Iterable[UnderWay]) -> list[list[UnderWay]]:
    """Return trainings of one kind together."""
    kinds: list[tuple[object, list[UnderWay]]] = []
    for one in trainings:
        kind = _kind(one)
        known = next((members for other, members in kinds if other == kind), None)
        if known is None:
            kinds.append((kind, [one]))
        else:
            known.append(one)
    return [members for _, members in kinds]


def _kind(one: UnderWay) -> object:
    training = one.training
    own: dict[str, Any] = {"checkpoint": None, "checkpoint_seconds": 0.0, "fingerprint": {}}
    # A compiled network draws its dropout otherwise than one in a stack: it stays what it is alone.
    alone = one.number if training.options.compile else None
    return training.spec, replace(training.options, **own), alone


def _at_one_epoch(seats: Sequence[Seat]) -> list[list[Seat]]:
    """Return those that are to be trained, those that have as many epochs behind them together."""
    found: dict[int, list[Seat]] = {}
    for seat in seats:
        if seat.goes_on or seat.member not in seat.owner.checkpoint.done:
            found.setdefault(seat.owner.begun_at if seat.goes_on else 0, []).append(seat)
    return list(found.values())


def _stack(seats: Sequence[Seat]) -> Stack:
    examples, members = _with_their_rows(seats)
    first = seats[0].owner.training
    stack = Stack(first.spec, members, examples.to(first.options.device, first.options.dtype), first.options)
    states = [seat.before for seat in seats if seat.before is not None]
    if states:
        stack.restore(states)
    return stack


def _with_their_rows(seats: Sequence[Seat]) -> tuple[Examples, list[Member]]:
    """Return the rows of all members, each table once, and members that know their rows among them."""
    tables = {id(seat.owner.training.examples): seat.owner.training.examples for seat in seats}
    if len(tables) == 1:
        return next(iter(tables.values())), [seat.given for seat in seats]
    examples, first = Examples.joined(list(tables.values()))
    starts = dict(zip(tables, first, strict=True))
    return examples, [_moved(seat.given, starts[id(seat.owner.training.examples)]) for seat in seats]


def _moved(member: Member, by: int) -> Member:
    return replace(member, train=member.train + by, val=member.val + by)


def _owners(seats: Sequence[Seat]) -> list[UnderWay]:
    """Return the trainings that go on, of these members."""
    return [one for one in dict.fromkeys(seat.owner for seat in seats) if one.is_open]


def _compacts(running: Sequence[Seat], left: Sequence[int]) -> bool:
    """Whether to go on with the others alone: at once, but where steps would be recorded anew for it."""
    stopped = len(running) - len(left)
    on_gpu = running[0].owner.training.options.device.type == "cuda"
    return bool(stopped) and (not on_gpu or 2 * stopped >= len(running))


def _floats(values: Tensor) -> list[float]:
    return [float(value) for value in values.tolist()]
