"""A training that is under way: its checkpoint, and the places of its members in stacks."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from trainers.common.damaged import reading
from trainers.common.errors import BadInput
from trainers.tabular.training.checkpoints import STATE, Checkpoint
from trainers.tabular.training.courses import Course
from trainers.tabular.training.members import DivergedError, Member, Options, Trained, Training
from trainers.tabular.training.stack import of_member

FORM = 2
"""Raised when what a checkpoint holds of members under way has another form."""


@dataclass(eq=False)
class Seat:
    """One member of a training, and how far it has come."""

    owner: UnderWay
    member: int
    """Its number among those of its training."""
    course: Course = field(default_factory=Course)
    before: Mapping[str, Any] | None = None
    """Its state, where it goes on from a checkpoint."""

    @property
    def given(self) -> Member:
        """What is trained."""
        return self.owner.training.members[self.member]

    @property
    def goes_on(self) -> bool:
        """Whether it was under way when its checkpoint was written."""
        return self.before is not None

    @property
    def has_stopped(self) -> bool:
        """Whether it is trained to its end, or is not to be."""
        return not self.owner.is_open or self.course.is_over(self.owner.training.options)


class UnderWay:
    """One training of several, from its checkpoint to its outcome."""

    def __init__(self, number: int, training: Training) -> None:
        """BadInput where a member has no rows, or the checkpoint is of another training."""
        _check(training.members)
        self.number, self.training, self.is_open = number, training, True
        options = training.options
        self.checkpoint = Checkpoint(options.checkpoint, _fingerprint(training), options.checkpoint_seconds)
        begun = {seat.member: seat for seat in self._begun()}
        self.seats = [begun.get(number) or Seat(self, number) for number in range(len(training.members))]
        self.begun_at = max((seat.course.epoch for seat in begun.values()), default=0)
        """Epochs that lie behind those that go on from the checkpoint."""

    @property
    def is_done(self) -> bool:
        """Whether all members are trained."""
        return len(self.checkpoint.done) == len(self.seats)

    def save(
        self, places: Sequence[tuple[int, Seat]], state: Callable[[list[int]], Mapping[str, Any]]
    ) -> None:
        """Write the checkpoint, if it is due; a stack tells the `state` of what is at its places."""
        if self.checkpoint.is_due:
            seats = [seat for _, seat in places]
            states = state([place for place, _ in places])
            self.checkpoint.saw([seat.member for seat in seats], [seat.course for seat in seats], states)

    def outcome(self) -> list[Trained] | DivergedError:
        """Return what came of the members; DivergedError where one of them never had a loss."""
        trained = [self.checkpoint.done[number].trained() for number in range(len(self.seats))]
        return _divergence(self.training.members, trained) or trained

    def _begun(self) -> list[Seat]:
        path, before = self.training.options.checkpoint, self.checkpoint.under_way
        if path is None or before is None:
            return []
        with reading(path, STATE):
            courses, state = before["courses"], before["state"]
            return [
                Seat(self, member, Course.read(courses[place]), of_member(state, place))
                for place, member in enumerate(before["members"])
            ]


def _check(members: Sequence[Member]) -> None:
    for number, member in enumerate(members):
        for name, rows in (("train on", member.train), ("validate with", member.val)):
            if not len(rows):
                raise BadInput(
                    f"member {number} (seed {member.seed}) has no rows to {name}; change the split"
                )


def _divergence(members: Sequence[Member], trained: Sequence[Trained]) -> DivergedError | None:
    lost = [member for member, one in zip(members, trained, strict=True) if one.is_lost]
    if not lost:
        return None
    which = ", ".join(f"seed {member.seed} at rate {member.learning_rate:g}" for member in lost)
    return DivergedError(
        f"the loss is no number from the first epoch on ({which}); try a lower learning rate",
        trained,
    )


def _fingerprint(training: Training) -> dict[str, object]:
    """What a checkpoint has to agree with."""
    spec = training.spec
    return {
        **training.options.fingerprint,
        **shared_options(training.options),
        "form": FORM,
        "model": spec.name,
        "sizes": dict(spec.sizes),
        "outputs": spec.problem.outputs,
        "columns": list(spec.columns.names),
        "members": [_described(member, training.options) for member in training.members],
    }


def shared_options(options: Options) -> dict[str, Any]:
    """Return the options that decide what members become."""
    passing = (
        "device",
        "graphs",
        "checkpoint",
        "checkpoint_seconds",
        "stacking",
        "fingerprint",
        "knows_start",
    )
    return {name: value for name, value in asdict(options).items() if name not in passing}


def _described(member: Member, options: Options) -> list[float]:
    numbers = (member.seed, member.learning_rate, member.weight_decay, member.clip_norm)
    rows = (float(part.double().sum()) for part in (member.train, member.val))
    start = {} if options.knows_start else member.start or {}
    begun = sum(float(value.double().sum()) for value in start.values())
    return [*numbers, len(member.train), len(member.val), *rows, begun if math.isfinite(begun) else 0.0]
