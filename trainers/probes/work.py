"""The probes of one layer, from its file to its results, wherever their training is done."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol, TextIO

import torch

from trainers.common.activations.loading import DEFAULT_SHARE, is_mapped
from trainers.common.activations.rows import Rows, StreamedRows
from trainers.common.devices import resolve_device, usable_cores
from trainers.common.errors import BadInput
from trainers.common.memory import available_bytes, memory_advice
from trainers.probes.choice import executor_for, loading_advice, training_advice
from trainers.probes.fitting.baseline import Baseline
from trainers.probes.fitting.columns import Trainee
from trainers.probes.fitting.exact import ExactTraining
from trainers.probes.fitting.fused import batches_of, product_threads
from trainers.probes.fitting.one_by_one import OneByOneTraining
from trainers.probes.harvest import Harvest, Job
from trainers.probes.layer_runs import LayerRun
from trainers.probes.options import ProbeOptions
from trainers.probes.reading.hdf5 import SPLITS, open_activations, version_of
from trainers.probes.reading.inputs import Standardisation
from trainers.probes.reading.labels import read_targets
from trainers.probes.reading.layer import Layer, Trained
from trainers.probes.results.fingerprint import fingerprint
from trainers.probes.results.outputs import ResultDirectory
from trainers.probes.results.report import constant_note, failure_line, print_summary, rare_notes
from worker_agent.protocol.script_contract import ScriptContract


class Training(Protocol):
    """What trains the probes of one layer by itself."""

    @property
    def inputs(self) -> Standardisation | None: ...

    def run(self) -> Iterator[tuple[int, int, list[Trained]]]:
        """Yield (done, total, probes that just finished), in steps of about equal time."""
        ...


class LayerWork:
    """The probes of one layer that are still to train: `start`, `took` as often as there is news, `end`.

    Making one checks all but the values of the activations, and writes nothing.
    """

    def __init__(
        self, layer_run: LayerRun, options: ProbeOptions, stream: TextIO, may_go_on: Callable[[], None]
    ) -> None:
        """`may_go_on` raises a TrainerError where the job is to end."""
        self._layer_run, self._stream, self._may_go_on = layer_run, stream, may_go_on
        self._file = open_activations(layer_run.path, layer_run.group)
        n_features = self._file.splits["train"].n_features
        self.settings = settings = options.settings.for_width(n_features)
        self._options = options = replace(options, settings=settings)
        self._targets = targets = read_targets(self._file, options.names)
        if not targets.trainable:
            reasons = "; ".join(f"{name}: {reason}" for name, reason in targets.unscoreable.items())
            raise BadInput(f"{layer_run.path}: no probe can be trained: {reasons}")
        self._results = ResultDirectory(layer_run.output, _mirror(layer_run, options.contract))
        self._fingerprint = fingerprint(self._file, targets, settings, layer_run.layer)
        self._fits = self._results.check(self._fingerprint, options.overwrite)
        self._device = resolve_device(options.device)
        self._executor = executor_for(options, self._device, n_features, len(targets.trainable))
        self._harvest = Harvest(
            self._results, targets, settings, Job(layer_run.layer, options.contract, stream)
        )
        self._seconds = 0.0

    @property
    def kind(self) -> Hashable:
        """What layers of several jobs have in common that see the same batches; each other one its own."""
        if self._executor != "fused":
            return id(self)
        split = self._file.splits["train"]
        batches = batches_of(self.settings, split.n_rows)
        return (version_of(split.path), split.dataset, batches, str(self._device), self._threads())

    @property
    def advice(self) -> str:
        """The flags that make training take less memory."""
        return training_advice(self._executor, self._options, self._device)

    def start(self, between: Callable[[], None] = lambda: None) -> Trainee | None:
        """Load what is needed; return what is to be trained beside others, None where that is done.

        `between` is called from time to time while it is done here.
        """
        ready, missing = self._ready_and_missing()
        # Loading is the last check.  Until then nothing is written, and nothing of other settings deleted.
        layer = self._load() if missing else None
        self._results.prepare(self._fingerprint)
        for name, reason in self._targets.unscoreable.items():
            self._print(failure_line(name, f"not scoreable: {reason}"))
        for note in rare_notes(self._targets):
            self._print(note)
        if ready:
            self._print(f"{ready} finished probes found in {self._results.root}")
        self._seconds = self._results.seconds()
        return self._begun(layer, missing, between) if layer else None

    def told(self, inputs: Standardisation | None) -> None:
        """Tell what training found of the activations."""
        for note in constant_note(inputs):
            self._print(note)

    def took(self, done: int, total: int, finished: list[Trained], seconds: float) -> None:
        """Write the probes that finished; `seconds` are the job's own share of the time it took."""
        self._seconds += seconds
        self._harvest.take(done, total, finished)

    def end(self) -> dict[str, Any]:
        """Write and return the aggregate metrics, once all probes have finished."""
        aggregate = {
            **self._harvest.figures(),
            "total_training_time_seconds": self._seconds,
            "num_workers": self._options.num_workers,
            "executor": self._executor,
            "device": str(self._device),
            "layer": self._layer_run.layer,
        }
        self._results.write_aggregate(aggregate)
        print_summary(aggregate, self._stream)
        return aggregate

    def _ready_and_missing(self) -> tuple[int, list[int]]:
        names, trainable = self._targets.names, self._targets.trainable
        if not self._fits:
            return 0, trainable
        self._results.restore(self._fingerprint)
        ready = set(self._results.finished(names[probe] for probe in trainable))
        return len(ready), [probe for probe in trainable if names[probe] not in ready]

    def _print(self, line: str) -> None:
        print(line, file=self._stream, flush=True)

    def _begun(self, layer: Layer, missing: list[int], between: Callable[[], None]) -> Trainee | None:
        started = time.perf_counter()
        with memory_advice("training", self.advice):
            self._harvest.begin(
                layer, Baseline(layer, self.settings, missing) if self._options.baseline else None
            )
            torch.set_num_threads(self._threads())
            self._seconds += time.perf_counter() - started
            if self._executor == "fused":
                return Trainee(layer, self.settings, missing)
            self._train_alone(self._alone(layer, missing), between)
        return None

    def _alone(self, layer: Layer, missing: list[int]) -> Training:
        if self._executor == "exact":
            return ExactTraining(layer, self.settings, missing)
        workers = max(1, self._options.num_workers)
        return OneByOneTraining(layer, self.settings, missing, workers, self._options.loader)

    def _train_alone(self, training: Training, between: Callable[[], None]) -> None:
        self.told(training.inputs)
        since = time.perf_counter()
        for done, total, finished in training.run():
            now = time.perf_counter()
            self.took(done, total, finished, now - since)
            since = now
            self._may_go_on()
            between()

    def _threads(self) -> int:
        """Return how many cores of a CPU its products are to have."""
        workers, cores = max(1, self._options.num_workers), usable_cores()
        if self._executor == "thread":
            return max(1, cores // workers)
        if self._executor == "exact":
            return min(workers, cores)
        return min(workers, product_threads(self.settings, len(self._targets.trainable), cores))

    def _load(self) -> Layer:
        free = int(available_bytes() * DEFAULT_SHARE)
        left = free if self._options.memory_limit is None else self._options.memory_limit
        dtype = self.settings.storage_dtype
        home = self._device if self._options.pin else torch.device("cpu")
        rows: dict[str, Rows] = {}
        with memory_advice("loading activations", loading_advice(self._options, self._device)):
            for name in reversed(SPLITS):
                split = self._file.splits[name]
                rows[name] = self._options.load(split, dtype, left, home)
                if not (isinstance(rows[name], StreamedRows) or is_mapped(split, dtype)):
                    left -= split.n_rows * split.n_features * dtype.itemsize
            targets = {name: values.to(self._device) for name, values in self._targets.splits.items()}
        if self._executor == "thread" and any(isinstance(one, StreamedRows) for one in rows.values()):
            raise BadInput(
                f"{self._layer_run.path}: --executor thread needs all activations in memory; "
                "raise --memory-limit, or use --executor fused, which streams them"
            )
        return Layer(rows, targets, self._device)


def _mirror(layer_run: LayerRun, contract: ScriptContract | None) -> Path | None:
    """Where a job keeps finished probes for its next attempt; the same for every attempt."""
    if contract is None:
        return None
    return contract.checkpoint_dir / "probes" / f"{layer_run.path.stem}_{layer_run.layer or 'all'}"
