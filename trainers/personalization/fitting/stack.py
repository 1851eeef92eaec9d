"""Networks of one shape that learn as one: their rows, their windows, their dropout.

Shapes: M networks, B windows a step, C channels, T samples, F features, K classes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import torch
from torch import Tensor, nn

from trainers.common.cuda_graphs import Recorder
from trainers.personalization.data import Windows
from trainers.personalization.fitting import adam
from trainers.personalization.fitting.courses import Progress, Trainee
from trainers.personalization.fitting.dropping import Drawn, Keeps
from trainers.personalization.fitting.epochs import Chance, Epoch, Pool
from trainers.personalization.fitting.layers import dropouts
from trainers.personalization.fitting.moments import Moments
from trainers.personalization.fitting.rows import Rows
from trainers.personalization.fitting.steps import Given, RecordedSteps, Steps
from trainers.personalization.fitting.validation import Validation
from trainers.personalization.recipe.inputs import split_off_inputs
from trainers.personalization.sampling import vary
from trainers.personalization.scoring import Scores

Make = Callable[[Tensor], Tensor]
"""Makes of windows [N, C, T] what the layers that learn see."""


class Stack:
    """Trains networks epoch by epoch; each draws from its own generators and has its own rates."""

    def __init__(
        self, trainees: Sequence[Trainee], moments: Sequence[Moments], recorder: Recorder | None = None
    ) -> None:
        """With a recorder, steps that all networks take are recorded."""
        self.trainees, self._recorder = list(trainees), recorder
        first = self.trainees[0]
        bodies = [split_off_inputs(one.network) for one in self.trainees]
        self._layers, self._makes = bodies[0][0], [make for _, make in bodies]
        self._shares = [[1 - p for p in dropouts(body)] for body, _ in bodies]
        self._taken = [one.steps for one in moments]
        self.rows = Rows([one.network for one in self.trainees], moments, first.schedule.average > 0)
        self._augmentation = first.schedule.augmentation
        self._pool = Pool(self.trainees, [self._made(n, one.train.windows) for n, one in enumerate(trainees)])
        # What never changes is made once; validation windows never do.
        held_out = [_with(t.val, make) for t, make in zip(trainees, self._makes, strict=True) if t.val]
        self._validation = Validation(held_out, self._layers) if held_out else None
        self._n_classes = _n_classes(self._layers)
        self._prepare()

    def _prepare(self) -> None:
        widths = _dropped(self._layers)
        self._keeps = Keeps.of(self._shares, widths, self._pool.width, self._pool.X)
        by_row = self._recorder is None and self._pool.X.device.type == "cpu"
        self._steps = Steps(self._layers, self._keeps, by_row=by_row)
        self._recorded = None
        if self._recorder:
            everyone = self.rows.first(len(self.trainees))
            self._recorded = RecordedSteps(self._steps, everyone, self._recorder)

    def _made(self, member: int, windows: Windows) -> Windows:
        return windows if self._augmentation else _with(windows, self._makes[member])

    def epoch(self, progress: Sequence[Progress], waiting: Sequence[bool]) -> list[Scores]:
        """Train all networks for an epoch and return their scores; those that wait have none that count."""
        device = self._pool.y.device
        chances = [
            None if waits else Chance.of(one.schedule, past.epoch + 1, device)
            for one, past, waits in zip(self.trainees, progress, waiting, strict=True)
        ]
        epoch = Epoch(self._pool, self.trainees, chances, self._n_classes)
        drawn = Drawn(self._keeps, [chance.dropout if chance else None for chance in chances])
        rates = self._rates(progress, len(epoch.active))
        for step, count in enumerate(epoch.active):
            X = self._varied(step, epoch.windows(step), chances)
            given = Given(X, drawn.at(step, count), *epoch.targets(step), rates.at(step, count))
            epoch.remember(step, self._take(given, count))
        self._taken = [taken + steps for taken, steps in zip(self._taken, self._pool.steps, strict=True)]
        return epoch.scores()

    def _rates(self, progress: Sequence[Progress], steps: int) -> adam.Rates:
        schedules = [one.schedule for one in self.trainees]
        lr = [one.rate(past.epoch + 1) * one.lr for one, past in zip(schedules, progress, strict=True)]
        return adam.rates(lr, self._taken, steps, [one.average for one in schedules], self._pool.X)

    def _take(self, given: Given, count: int) -> Tensor:
        if self._recorded and count == len(self.trainees):
            return self._recorded.take(given)
        return self._steps.take(self.rows.first(count), given)

    def _varied(self, step: int, X_MBCT: Tensor, chances: Sequence[Chance | None]) -> Tensor:
        if not self._augmentation:
            return X_MBCT
        counts = self._pool.filled[step]
        generators = [chance.order if chance else None for chance in chances[: len(X_MBCT)]]
        varied = vary(self._augmentation, X_MBCT, generators, counts)
        each = zip(self._makes, varied, strict=False)
        return torch.stack([make(windows) for make, windows in each])

    def validate(self) -> list[Scores]:
        """Return the scores of the networks' averages on the windows that are held out."""
        assert self._validation is not None
        return self._validation.scores(self.rows.layout, self.rows.averages)

    def moments(self, member: int) -> Moments:
        """Return what Adam remembers of a network."""
        return self.rows.moments(member, self._taken[member])

    def cut(self, kept: Sequence[int]) -> None:
        """Forget all networks but those that are kept."""
        self.trainees = [self.trainees[member] for member in kept]
        self._makes = [self._makes[member] for member in kept]
        self._shares = [self._shares[member] for member in kept]
        self._taken = [self._taken[member] for member in kept]
        self.rows.cut(torch.tensor(kept, device=self._pool.y.device))
        self._pool.cut(kept)
        if self._validation:
            self._validation.cut(kept)
        self._prepare()


def _with(windows: Windows, make: Make) -> Windows:
    return replace(windows, X_NCT=make(windows.X_NCT))


def _linears(layers: nn.Sequential) -> list[nn.Linear]:
    return [layer for layer in layers if isinstance(layer, nn.Linear)]


def _n_classes(layers: nn.Sequential) -> int:
    return _linears(layers)[-1].out_features


def _dropped(layers: nn.Sequential) -> list[int]:
    """Return the features that come into each layer of dropout."""
    found, listed = [], list(layers)
    for place, layer in enumerate(listed):
        if isinstance(layer, nn.Dropout):
            following = next(one for one in listed[place:] if isinstance(one, nn.Linear))
            found.append(following.in_features)
    return found
