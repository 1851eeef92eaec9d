"""Members that are trained at once: steps, validation, and a state from which they go on to the bit."""

from __future__ import annotations

import functools
import operator
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from trainers.common.cuda_graphs import WholeStep, whole_step
from trainers.common.seeds import derive_seed
from trainers.tabular.models.registry import ModelSpec
from trainers.tabular.training.adamw import MemberAdamW, Pace
from trainers.tabular.training.losses import Sums, summed
from trainers.tabular.training.members import Examples, Member, Options
from trainers.tabular.training.networks import Networks
from trainers.tabular.training.orders import Streams, epoch_order, share_of
from trainers.tabular.training.rates import rate_at

VALIDATION_ROWS = 1024
"""Rows that are predicted at once."""
_GLOBAL_DRAWS = threading.Lock()
"""Held while draws are from the global generator, which jobs of one process share."""


class Stack:
    """Members that take their steps together; of a single one its training."""

    def __init__(
        self, spec: ModelSpec, members: Sequence[Member], examples: Examples, options: Options
    ) -> None:
        """`examples` are as the options want them; the batches of all members are of one size."""
        self.members, self._spec, self._options = list(members), spec, options
        self._examples = examples
        shares = [share_of(member, options.batch_size) for member in members]
        self._batch, self._steps = shares[0].batch, [share.steps for share in shares]
        self.networks = Networks(spec, members, examples, options)
        self._streams = Streams(members, options.device)
        paces = [
            Pace(member.learning_rate, member.weight_decay, member.clip_norm, steps)
            for member, steps in zip(self.members, self._steps, strict=True)
        ]
        self._optimizer = MemberAdamW(
            self.networks.parameters,
            paces,
            self.networks.factors,
            options.betas,
            stacked=self.networks.are_stacked,
        )
        self._settle()

    def epoch(self, number: int) -> Tensor:
        """Train for an epoch, counted from 0, and return each member's mean loss over its steps, [M]."""
        with _dropout_of(self.networks, self.members[0], number):
            self._streams.start(number)
            self._losses.zero_()
            order = epoch_order(self.members, self._batch, number).to(self._options.device)
            for at, rows in enumerate(order):
                self._rows.copy_(rows)
                self._take(number, at)
        return self._losses / self._steps_M

    @torch.no_grad()
    def validate(self) -> Tensor:
        """Return each member's loss on its validation rows, [M]."""
        self.networks.module.eval()
        parts = zip(*(values.split(VALIDATION_ROWS, 1) for values in self._val), strict=True)
        sums = [self._sums(rows, counted.to(self._options.dtype)) for rows, counted in parts]
        self.networks.module.train()
        return functools.reduce(operator.add, sums).mean

    def rate(self, position: int, number: int) -> float:
        """Return the learning rate of a member at the last step of an epoch."""
        steps = self._steps[position]
        return rate_at(self._options, self.members[position].learning_rate, number, (steps - 1) / steps)

    def weights(self, position: int) -> dict[str, Tensor]:
        """Return a copy of a member's weights as its network alone has them."""
        return self.networks.weights(position)

    def keep(self, positions: Sequence[int]) -> None:
        """Go on with some of the stacked members alone."""
        self.networks.keep(positions)
        self.members = [self.members[position] for position in positions]
        self._steps = [self._steps[position] for position in positions]
        self._streams = self._streams.kept(positions)
        self._optimizer = self._optimizer.kept(self.networks.parameters, positions)
        self._settle()

    def state(self, positions: Sequence[int]) -> dict[str, Any]:
        """Return all that the next epoch of some members depends on, but for themselves and the data.

        Tensors are [k, …] for k members, whether they are stacked or not.
        """
        moments = self._optimizer.state()
        found = {name: self._of(moments[name], positions) for name in ("means", "squares")}
        steps = moments["steps"][list(positions)]
        return {"weights": self._of(self.networks.state(), positions), **found, "steps": steps}

    def restore(self, states: Sequence[Mapping[str, Any]]) -> None:
        """Go on from the states of these members, each as `of_member` gives it."""
        self.networks.restore(self._joined([one["weights"] for one in states]))
        found = {name: self._joined([one[name] for one in states]) for name in ("means", "squares")}
        self._optimizer.restore({**found, "steps": torch.stack([one["steps"] for one in states])})

    def _of(self, values: Mapping[str, Tensor], positions: Sequence[int]) -> dict[str, Tensor]:
        if self.networks.are_stacked:
            return {name: value.detach()[list(positions)] for name, value in values.items()}
        return {name: value.detach().unsqueeze(0) for name, value in values.items()}

    def _joined(self, values: Sequence[Mapping[str, Tensor]]) -> Mapping[str, Tensor]:
        if self.networks.are_stacked:
            return {name: torch.stack([one[name] for one in values]) for name in values[0]}
        return values[0]

    def _settle(self) -> None:
        """Set up what depends on how many members there are; recorded steps find it where it is put here."""
        device, count = self._options.device, len(self.members)
        self._rows = torch.zeros(count, self._batch, dtype=torch.int64, device=device)
        self._losses = torch.zeros(count, dtype=torch.float64, device=device)
        self._steps_M = torch.tensor(self._steps, device=device)
        self._leaves = list(self.networks.parameters.values())
        self._val = [part.to(device) for part in _filled([member.val for member in self.members])]
        if not self.networks.are_compiled:
            self._streams.give(self.networks.module)
        records = self._options.graphs
        generators = self._streams.generators
        self._whole = whole_step(self._step, device, generators) if records else WholeStep(self._step, None)

    def _take(self, number: int, at: int) -> None:
        self._epoch, self._at = number, at
        self._optimizer.set_rates(self._rate_of_step)
        # A step that some sit out is not the recorded one.
        (self._whole if at < min(self._steps) else self._step)()

    def _step(self) -> None:
        losses_M = self._sums(self._rows, smoothing=self._options.label_smoothing).mean
        # Of a table without numbers the weights for numbers have no part in the loss.
        gradients = torch.autograd.grad(
            losses_M.sum(), self._leaves, allow_unused=True, materialize_grads=True
        )
        self._optimizer.step(gradients, self._rate_of_step, self._at)
        self._losses += losses_M.detach() * (self._steps_M > self._at)

    def _rate_of_step(self, pace: Pace) -> float:
        return rate_at(self._options, pace.learning_rate, self._epoch, self._at / pace.steps)

    def _sums(self, rows: Tensor, counted: Tensor | None = None, smoothing: float = 0.0) -> Sums:
        batch = self._examples.take(rows)
        return summed(self._spec.problem, self.networks.outputs(batch), batch.targets, counted, smoothing)


@contextmanager
def _dropout_of(networks: Networks, member: Member, number: int) -> Iterator[None]:
    """Draw the dropout of compiled networks, which comes from the global generator, for an epoch."""
    if not networks.are_compiled:
        yield
        return
    with _GLOBAL_DRAWS:
        torch.manual_seed(derive_seed(member.seed, "dropout", number))
        yield


def of_member(state: Mapping[str, Any], position: int) -> dict[str, Any]:
    """Return the state of one of the members that `Stack.state` was asked for."""
    tensors = {name: state[name] for name in ("weights", "means", "squares")}
    found = {name: {key: value[position] for key, value in one.items()} for name, one in tensors.items()}
    return {**found, "steps": state["steps"][position]}


def _filled(rows: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """Return row numbers [M, V] filled up to equal lengths, and 1 where they count, 0 where they fill up."""
    most = max(len(own) for own in rows)
    filled = [torch.cat([own, own[:1].expand(most - len(own))]) for own in rows]
    counted = [torch.arange(most) < len(own) for own in rows]
    return torch.stack(filled), torch.stack(counted)
