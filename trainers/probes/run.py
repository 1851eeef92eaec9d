"""Training the probes of one layer from its file to its results."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal, Protocol, TextIO

import torch

from trainers.common.activations.hdf5 import open_hdf5
from trainers.common.activations.loading import DEFAULT_SHARE, is_mapped, load_rows
from trainers.common.activations.rows import Rows, StreamedRows
from trainers.common.devices import resolve_device, usable_cores
from trainers.common.errors import BadInput
from trainers.common.files import write_json
from trainers.common.memory import available_bytes, memory_advice
from trainers.probes.fitting.baseline import Baseline, average_baselines
from trainers.probes.fitting.exact import ExactTraining
from trainers.probes.fitting.fused import FusedTraining, product_threads
from trainers.probes.fitting.metrics import Scores, mean
from trainers.probes.fitting.modules import new_module
from trainers.probes.fitting.one_by_one import OneByOneTraining
from trainers.probes.fitting.scoring import Scorer
from trainers.probes.layer_runs import LayerRun
from trainers.probes.reading.hdf5 import SPLITS, ActivationFile, open_activations
from trainers.probes.reading.inputs import Standardisation
from trainers.probes.reading.labels import Targets, read_targets
from trainers.probes.reading.layer import Layer, Trained
from trainers.probes.results.history import history_of
from trainers.probes.results.job_figures import METRICS, job_figures
from trainers.probes.results.outputs import ResultDirectory
from trainers.probes.results.over_layers import check_others, config_of, folder_over, write_over_layers
from trainers.probes.results.probe_file import checkpoint, metadata_of
from trainers.probes.results.report import (
    averages_of,
    constant_note,
    failure_line,
    print_summary,
    probe_line,
    rare_notes,
)
from trainers.probes.settings import Loader, Settings
from worker_agent.protocol.script_contract import ScriptContract

Executor = Literal["auto", "fused", "thread"]
Load = Callable[..., Rows]

FUSED_SHARE = 0.5
"""Part of the free memory that a fused model may take; probes that need more are trained one by one."""
DIGEST_ROWS = 16
"""Rows of each split that take part in recognising the data."""


class Training(Protocol):
    """What every executor offers."""

    @property
    def inputs(self) -> Standardisation | None: ...

    def run(self) -> Iterator[tuple[int, int, list[Trained]]]:
        """Yield (done, total, probes that just finished), in steps of about equal time."""
        ...


@dataclass(frozen=True)
class ProbeOptions:
    """How a layer is trained, beyond what decides its weights."""

    settings: Settings
    executor: Executor = "auto"
    loader: Loader = "memory"
    device: str = "auto"
    pin: bool = True
    """Hold the activations in the memory of the accelerator."""
    num_workers: int = 8
    memory_limit: int | None = None
    """Bytes of memory for activations; None is a share of what is free."""
    names: list[str] | None = None
    overwrite: bool = False
    baseline: bool = False
    """Also score what a probe has to beat."""
    contract: ScriptContract | None = None
    load: Load = load_rows
    """What brings the rows of a split into memory."""


def train_layers(layer_runs: Sequence[LayerRun], options: ProbeOptions, stream: TextIO) -> None:
    """Train one layer after the other, once the files of all are known to be in order."""
    settings = [_Work(layer_run, options, stream).settings for layer_run in layer_runs]
    aggregates, outputs = [], [layer_run.output for layer_run in layer_runs]
    root = folder_over(outputs)
    if root:
        check_others(root, outputs)
    for layer_run in layer_runs:
        layer = "" if layer_run.layer is None else f", layer {layer_run.layer}"
        print(f"{layer_run.path}{layer} → {layer_run.output}", file=stream, flush=True)
        aggregates.append(train_layer(layer_run, options, stream))
    if options.contract is not None:
        write_json(options.contract.output_dir / METRICS, job_figures(aggregates))
    if root:
        write_over_layers(root, config_of(settings[0], options.num_workers, pin=options.pin))


def train_layer(layer_run: LayerRun, options: ProbeOptions, stream: TextIO) -> dict[str, Any]:
    """Train what is missing of one layer's probes, write the results, and return the aggregate metrics."""
    work = _Work(layer_run, options, stream)
    aggregate = work.run()
    work.results.write_aggregate(aggregate)
    print_summary(aggregate, stream)
    return aggregate


class _Work:
    """The probes of one layer that are still to train.

    Making one checks all but the values of the activations, and writes nothing.
    """

    def __init__(self, layer_run: LayerRun, options: ProbeOptions, stream: TextIO) -> None:
        self._layer_run = layer_run
        self._stream = stream
        self._file = open_activations(layer_run.path, layer_run.group)
        n_features = self._file.splits["train"].n_features
        self.settings = settings = options.settings.for_width(n_features)
        self._options = options = replace(options, settings=settings)
        self._targets = targets = read_targets(self._file, options.names)
        if not targets.trainable:
            reasons = "; ".join(f"{name}: {reason}" for name, reason in targets.unscoreable.items())
            raise BadInput(f"{layer_run.path}: no probe can be trained: {reasons}")
        self.results = ResultDirectory(layer_run.output, _mirror(layer_run, options.contract))
        self._fingerprint = _fingerprint(self._file, targets, settings, layer_run)
        self._fits = self.results.check(self._fingerprint, options.overwrite)
        self._device = resolve_device(options.device)
        self._executor = _executor(options, self._device, n_features, len(targets.trainable))
        self._failed = dict(targets.unscoreable)

    def run(self) -> dict[str, Any]:
        ready, missing = self._ready_and_missing()
        # Loading is the last check.  Until then nothing is written, and nothing of other settings deleted.
        layer = self._load() if missing else None
        self.results.prepare(self._fingerprint)
        for name, reason in self._targets.unscoreable.items():
            self._print(failure_line(name, f"not scoreable: {reason}"))
        for note in rare_notes(self._targets):
            self._print(note)
        if ready:
            self._print(f"{ready} finished probes found in {self.results.root}")
        before = self.results.seconds()
        return self._aggregate(before + (self._train(layer, missing, ready) if layer else 0.0))

    def _ready_and_missing(self) -> tuple[int, list[int]]:
        names, trainable = self._targets.names, self._targets.trainable
        if not self._fits:
            return 0, trainable
        self.results.restore(self._fingerprint)
        ready = set(self.results.finished(names[probe] for probe in trainable))
        return len(ready), [probe for probe in trainable if names[probe] not in ready]

    def _print(self, line: str) -> None:
        print(line, file=self._stream, flush=True)

    def _train(self, layer: Layer, missing: list[int], ready: int) -> float:
        started = time.perf_counter()
        with memory_advice("training", training_advice(self._executor, self._options, self._device)):
            scorer = Scorer(layer, self._options.settings)
            baseline = Baseline(layer, self._options.settings, missing) if self._options.baseline else None
            training = self._training(layer, missing)
            for note in constant_note(training.inputs):
                self._print(note)
            done_probes = ready
            for done, total, finished in training.run():
                eta = (time.perf_counter() - started) / max(done, 1) * (total - done)
                scored = scorer.score([trained for trained in finished if trained.chosen.best_epoch])
                for trained, scores in scored:
                    done_probes += 1
                    self._save(trained, scores, baseline.of(trained.probe) if baseline else {})
                    name = self._targets.names[trained.probe]
                    self._print(probe_line(done_probes, len(self._targets.trainable), name, scores, eta))
                self._note_diverged(finished)
                self._report_progress(done, total, finished)
        return time.perf_counter() - started

    def _training(self, layer: Layer, probes: list[int]) -> Training:
        options, workers = self._options, max(1, self._options.num_workers)
        cores = usable_cores()
        if self._executor == "thread":
            torch.set_num_threads(max(1, cores // workers))
            return OneByOneTraining(layer, options.settings, probes, workers, options.loader)
        if options.settings.solver == "exact":
            torch.set_num_threads(min(workers, cores))
            return ExactTraining(layer, options.settings, probes)
        torch.set_num_threads(min(workers, product_threads(options.settings, len(probes), cores)))
        return FusedTraining(layer, options.settings, probes)

    def _load(self) -> Layer:
        free = int(available_bytes() * DEFAULT_SHARE)
        left = free if self._options.memory_limit is None else self._options.memory_limit
        dtype = self._options.settings.storage_dtype
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

    def _save(self, trained: Trained, scores: Scores, baseline: dict[str, Any]) -> None:
        name, settings = self._targets.names[trained.probe], self._options.settings
        metrics = {
            "action": name,
            **asdict(scores),
            "val_auc": trained.chosen.val_auc,
            "best_epoch": trained.chosen.best_epoch,
            "stop_epoch": trained.chosen.stop_epoch,
            "hyperparameters": trained.chosen.variant,
            "variants": [{**one.variant, **_without_variant(asdict(one))} for one in trained.results],
            **({"solver": trained.solver} if trained.solver else {}),
            **baseline,
            "history": history_of(trained, settings),
        }
        metadata = metadata_of(name, self._layer_run.layer, trained)
        self.results.save(name, checkpoint(settings, trained.state, metadata), metrics)

    def _note_diverged(self, finished: list[Trained]) -> None:
        for trained in finished:
            if not trained.chosen.best_epoch:
                name = self._targets.names[trained.probe]
                self._failed[name] = "diverged: no epoch gave a finite validation AUC; lower --lr"
                self._print(failure_line(name, self._failed[name]))

    def _report_progress(self, done: int, total: int, finished: list[Trained]) -> None:
        if self._options.contract is None:
            return
        auc = mean([trained.chosen.val_auc for trained in finished if trained.chosen.best_epoch])
        self._options.contract.report_progress(done, total, **({} if auc is None else {"val_auc": auc}))

    def _aggregate(self, seconds: float) -> dict[str, Any]:
        finished = self.results.finished(self._targets.names)
        per_action = [self.results.load_metrics(name) for name in finished]
        for metrics in per_action:
            metrics.pop("history", None)
        return {
            **averages_of(per_action),
            **average_baselines(per_action),
            "total_training_time_seconds": seconds,
            "num_workers": self._options.num_workers,
            "executor": self._executor,
            "device": str(self._device),
            "layer": self._layer_run.layer,
            "not_scoreable": [{"action": name, "reason": reason} for name, reason in self._failed.items()],
            "per_action_metrics": per_action,
        }


def _mirror(layer_run: LayerRun, contract: ScriptContract | None) -> Path | None:
    """Where a job keeps finished probes for its next attempt; the same for every attempt."""
    if contract is None:
        return None
    return contract.checkpoint_dir / "probes" / f"{layer_run.path.stem}_{layer_run.layer or 'all'}"


def _executor(
    options: ProbeOptions, device: torch.device, n_features: int, probes: int
) -> Literal["fused", "thread", "exact"]:
    settings = options.settings
    if settings.solver == "exact":
        return "exact"
    if options.executor != "auto":
        return options.executor
    free = torch.cuda.mem_get_info(device)[0] if device.type == "cuda" else available_bytes()
    return "fused" if stacked_bytes(settings, n_features, probes) <= free * FUSED_SHARE else "thread"


def training_advice(executor: str, options: ProbeOptions, device: torch.device) -> str:
    """Name the flags that make training take less memory."""
    if executor == "exact":
        flags = "use --solver adamw"
    elif executor == "thread":
        flags = "lower --num-workers or --batch-size"
    else:
        flags = "lower --batch-size or the number of --lr and --weight-decay values, or use --executor thread"
    if options.settings.model_type == "multihead":
        flags += ", or lower --hidden-dim"
    return f"{flags}, or --no-pin-activations" if _on_accelerator(options, device) else flags


def loading_advice(options: ProbeOptions, device: torch.device) -> str:
    """Name the flags that make the activations take less memory."""
    flags = "try --dtype bfloat16" + ("" if options.executor == "thread" else " or a lower --memory-limit")
    return f"{flags}, or --no-pin-activations" if _on_accelerator(options, device) else flags


def _on_accelerator(options: ProbeOptions, device: torch.device) -> bool:
    return options.pin and device.type != "cpu"


def stacked_bytes(settings: Settings, n_features: int, probes: int) -> int:
    """Return about how much memory the fused model of that many probes takes beyond the activations.

    Weights, gradients, two moments, scratch and best weights of every column, and what is kept of a batch's
    hidden layers for their gradients.
    """
    with torch.device("meta"):
        weights = sum(value.numel() for value in new_module(settings, n_features).parameters())
    hidden = 6 * settings.hidden_dim * settings.batch_size if settings.model_type == "multihead" else 0
    columns = probes * len(settings.for_width(n_features).variants())
    return columns * (6 * weights + hidden) * settings.compute_dtype.itemsize


def _fingerprint(
    file: ActivationFile, targets: Targets, settings: Settings, layer_run: LayerRun
) -> dict[str, Any]:
    return {
        **settings.fingerprint(),
        "layer": layer_run.layer,
        "actions": targets.names,
        "data": _digest(file),
    }


def _digest(file: ActivationFile) -> str:
    """Recognise the data wherever its file lies: by shapes, labels and some rows."""
    digest = hashlib.sha256(b"probes-data\0")
    for name, split in file.splits.items():
        digest.update(f"{name} {split.n_rows} {split.n_features} {split.dtype}\0".encode())
        digest.update(split.labels.tobytes())
        step = max(1, split.n_rows // DIGEST_ROWS)
        with open_hdf5(split.path) as opened:
            data = opened[split.dataset]
            for row in range(0, split.n_rows, step):
                digest.update(data[row].tobytes())
    return digest.hexdigest()


def _without_variant(result: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in result.items() if key != "variant"}
