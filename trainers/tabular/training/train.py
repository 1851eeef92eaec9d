"""Training members to the end: epochs, best weights, early stopping, and a way back after an interruption."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import asdict

from torch import Tensor

from trainers.common.errors import BadInput
from trainers.tabular.models.registry import ModelSpec
from trainers.tabular.training.checkpoints import Checkpoint
from trainers.tabular.training.choice import planned
from trainers.tabular.training.courses import Course
from trainers.tabular.training.members import DivergedError, Examples, Member, Options, Reports, Trained
from trainers.tabular.training.stack import Stack


def train_members(
    spec: ModelSpec,
    examples: Examples,
    members: Sequence[Member],
    options: Options,
    reports: Reports | None = None,
) -> list[Trained]:
    """Train members of one network and return what came of each, in their order.

    Whether they are trained stacked or in turn changes only how long it takes, but for rounding.  Goes on
    from the checkpoint of the options, where there is one, to the bit.  BadInput where a member has no rows;
    DivergedError where a loss is no number before a first epoch is over, after all others are trained.
    """
    _check(members)
    reports = reports or Reports()
    plan = planned(spec, members, options)
    reports.said(plan.reason)
    prepared = examples.to(options.device, options.dtype)
    checkpoint = Checkpoint(
        options.checkpoint, _fingerprint(spec, members, options), options.checkpoint_seconds
    )
    for numbers in plan.stacks:
        if any(number not in checkpoint.done for number in numbers):
            _Run(spec, prepared, members, options, reports).run(numbers, checkpoint)
            checkpoint.between()
    trained = [checkpoint.done[number].trained() for number in range(len(members))]
    _refuse_divergence(members, trained)
    return trained


class _Run:
    """A stack of members, from its beginning or its checkpoint to its end."""

    def __init__(
        self,
        spec: ModelSpec,
        examples: Examples,
        members: Sequence[Member],
        options: Options,
        reports: Reports,
    ) -> None:
        self._spec, self._examples, self._members = spec, examples, members
        self._options, self._reports = options, reports

    def run(self, numbers: Sequence[int], checkpoint: Checkpoint) -> None:
        """Train these members until all have stopped."""
        running, courses, stack = self._begun(numbers, checkpoint)
        while running:
            self._epoch(running, courses, stack)
            over = [course.is_over(self._options) for course in courses]
            for number, course, is_over in zip(running, courses, over, strict=True):
                if is_over:
                    checkpoint.finished(number, course)
            if all(over):
                return
            if self._compacts(over):
                left = [position for position, is_over in enumerate(over) if not is_over]
                stack.keep(left)
                running, courses = [running[at] for at in left], [courses[at] for at in left]
            checkpoint.saw(running, courses, stack.state())

    def _begun(self, numbers: Sequence[int], checkpoint: Checkpoint) -> tuple[list[int], list[Course], Stack]:
        before = checkpoint.under_way
        if before is None or before["members"][0] not in numbers:
            running = [number for number in numbers if number not in checkpoint.done]
            return running, [Course() for _ in running], self._stack(running)
        running, stack = list(before["members"]), self._stack(before["members"])
        stack.restore(before["state"])
        return running, [Course.read(course) for course in before["courses"]], stack

    def _stack(self, numbers: Sequence[int]) -> Stack:
        members = [self._members[number] for number in numbers]
        return Stack(self._spec, members, self._examples, self._options)

    def _epoch(self, running: Sequence[int], courses: Sequence[Course], stack: Stack) -> None:
        number, started = courses[0].epoch, time.perf_counter()
        losses = _floats(stack.epoch(number)), _floats(stack.validate())
        seconds = (time.perf_counter() - started) / len(running)
        for at, (member, course) in enumerate(zip(running, courses, strict=True)):
            if course.is_over(self._options):
                continue
            rate = stack.rate(at, number)
            record = {
                "epoch": number + 1,
                "train_loss": losses[0][at],
                "val_loss": losses[1][at],
                "rate": rate,
            }
            if course.saw(record, seconds):
                course.best = stack.weights(at)
            self._reports.epoch(member, record)

    def _compacts(self, over: Sequence[bool]) -> bool:
        """Whether to go on with the others alone: at once, but where steps would be recorded anew for it."""
        stopped = sum(over)
        return bool(stopped) and (self._options.device.type != "cuda" or 2 * stopped >= len(over))


def _floats(values: Tensor) -> list[float]:
    return [float(value) for value in values.tolist()]


def _check(members: Sequence[Member]) -> None:
    for number, member in enumerate(members):
        for name, rows in (("train on", member.train), ("validate with", member.val)):
            if not len(rows):
                raise BadInput(
                    f"member {number} (seed {member.seed}) has no rows to {name}; change the split"
                )


def _refuse_divergence(members: Sequence[Member], trained: Sequence[Trained]) -> None:
    lost = [member for member, one in zip(members, trained, strict=True) if one.is_lost]
    if lost:
        which = ", ".join(f"seed {member.seed} at rate {member.learning_rate:g}" for member in lost)
        raise DivergedError(
            f"the loss is no number from the first epoch on ({which}); try a lower learning rate",
            trained,
        )


def _fingerprint(spec: ModelSpec, members: Sequence[Member], options: Options) -> dict[str, object]:
    """What a checkpoint has to agree with."""
    passing = ("device", "graphs", "checkpoint", "checkpoint_seconds", "stacking", "fingerprint")
    kept = {name: value for name, value in asdict(options).items() if name not in passing}
    return {
        **options.fingerprint,
        **kept,
        "model": spec.name,
        "sizes": dict(spec.sizes),
        "outputs": spec.problem.outputs,
        "columns": list(spec.columns.names),
        "members": [_described(member) for member in members],
    }


def _described(member: Member) -> list[float]:
    numbers = (member.seed, member.learning_rate, member.weight_decay, member.clip_norm)
    rows = (float(part.double().sum()) for part in (member.train, member.val))
    begun = sum(float(value.double().sum()) for value in (member.start or {}).values())
    return [*numbers, len(member.train), len(member.val), *rows, begun if math.isfinite(begun) else 0.0]
