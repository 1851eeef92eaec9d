"""All probes of a layer trained at once, those of one job or of several that see the same batches.

Jobs share what costs the same for one as for many: the activations, the order of an epoch, gathering,
standardising and dropping.  On a CPU each has products of its own, whose sizes do not depend on who is
trained beside it, and with them its bits.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from torch import Tensor

from trainers.common.activations.rows import ResidentRows
from trainers.probes.fitting.columns import Columns, Trainee
from trainers.probes.fitting.device.batches import ResidentBatches
from trainers.probes.fitting.device.steps import RecordedSteps
from trainers.probes.fitting.device.ways import Ways, ways_of
from trainers.probes.fitting.evaluation import Evaluator
from trainers.probes.fitting.modules import dropout_shape
from trainers.probes.fitting.plan import BatchReader
from trainers.probes.reading.inputs import Standardisation, standardisation, standardised
from trainers.probes.reading.layer import Layer, Trained
from trainers.probes.settings import Settings

FEW_COLUMNS = 128


@dataclass(frozen=True)
class Progress:
    """What an epoch brought a job."""

    done: int
    """Epochs."""
    total: int
    """Epochs at most."""
    finished: list[Trained]
    is_over: bool
    """Whether all of its probes have finished."""


class SharedTraining:
    """One pass of training over the probes of jobs that all see the same batches of one layer."""

    def __init__(self, trainees: Sequence[Trainee], ways: Ways | None = None) -> None:
        """All are alike in `batches_of` and have the same activations.

        `ways` to take steps where activations lie on the device; None for those that the device has.
        """
        layer, settings = trainees[0].layer, trainees[0].settings
        self.inputs = standardisation(layer.rows["train"], settings)
        """What activations are standardised by, if they are."""
        rows = layer.rows["train"]
        ways = ways or ways_of(layer.device, settings.compute_dtype)
        can_record = isinstance(rows, ResidentRows) and rows.device == layer.device
        self._ways = ways if can_record else None
        self._recorded = _recorded(trainees[0], self.inputs, self._ways)
        self._seed = settings.seed
        self._first = trainees[0]
        self._evaluator = Evaluator(layer.rows["val"], settings.compute_dtype, layer.device)
        self._epochs = [trainee.settings.epochs for trainee in trainees]
        self._running = {number: Columns(one, self.inputs, self._ways) for number, one in enumerate(trainees)}

    def leave(self, number: int) -> None:
        """Go on without a job."""
        self._running.pop(number, None)

    def run(self) -> Iterator[dict[int, Progress]]:
        """Yield what each epoch brought the jobs that are left, by number, until all have finished."""
        epoch = 0
        while self._running:
            self._train(epoch)
            yield self._validate(epoch)
            epoch += 1
            self._running = {number: one for number, one in self._running.items() if len(one)}

    def _train(self, epoch: int) -> None:
        every = list(self._running.values())
        targets = [columns.begin(epoch) for columns in every]
        if self._recorded:
            self._recorded.epoch(self._seed, epoch, every, targets)
            return
        for batches in self._reader.shared_epoch(self._seed, epoch, targets):
            for columns, batch in zip(every, batches, strict=True):
                columns.step(batch)

    @cached_property
    def _reader(self) -> BatchReader:
        layer, settings = self._first.layer, self._first.settings
        rows = layer.rows["train"]
        return BatchReader(
            standardised(rows, self.inputs),
            settings.batch_of(rows.n_rows),
            dropout_shape(settings),
            settings.compute_dtype,
            settings.storage_dtype,
            layer.device,
        )

    def _validate(self, epoch: int) -> dict[int, Progress]:
        logits = self._evaluator.logits_of_each([one.plain_model() for one in self._running.values()])
        return {
            number: self._ended(number, epoch, columns, found)
            for (number, columns), found in zip(self._running.items(), logits, strict=True)
        }

    def _ended(self, number: int, epoch: int, columns: Columns, logits_CN: Tensor) -> Progress:
        finished = columns.end(epoch, logits_CN)
        return Progress(epoch + 1, self._epochs[number], finished, not len(columns))


def _recorded(first: Trainee, inputs: Standardisation | None, ways: Ways | None) -> RecordedSteps | None:
    rows, settings = first.layer.rows["train"], first.settings
    if ways is None or not isinstance(rows, ResidentRows):
        return None
    size = settings.batch_of(rows.n_rows)
    batches = ResidentBatches(rows, inputs, size, dropout_shape(settings), ways.arithmetic)
    return RecordedSteps(batches, rows.n_rows, ways.whole)


class FusedTraining:
    """One pass of training over the given probes of a layer."""

    def __init__(
        self, layer: Layer, settings: Settings, probes: Sequence[int], ways: Ways | None = None
    ) -> None:
        """`ways` as for `SharedTraining`."""
        trainee = Trainee(layer, settings.for_width(layer.n_features), probes)
        self._shared = SharedTraining([trainee], ways)
        self.inputs = self._shared.inputs
        """What activations are standardised by, if they are."""

    def run(self) -> Iterator[tuple[int, int, list[Trained]]]:
        """Yield (epochs done, epochs at most, probes that just finished) until all have finished."""
        for steps in self._shared.run():
            yield steps[0].done, steps[0].total, steps[0].finished


def batches_of(settings: Settings, n_rows: int) -> Hashable:
    """Return what decides the batches of a training split of so many rows, beside the rows."""
    drawn = (settings.seed, settings.batch_of(n_rows), dropout_shape(settings))
    return (*drawn, settings.inputs, settings.dtype)


def product_threads(settings: Settings, probes: int, cores: int) -> int:
    """Return how many of a CPU's cores to multiply on.

    With few columns the products take about as long as preparing the batches, which is one thread's work;
    were there a thread more than cores, every product would wait for the one without.
    """
    few = settings.model_type == "linear" and probes * len(settings.variants()) <= FEW_COLUMNS
    return max(1, cores - 1) if few else cores
