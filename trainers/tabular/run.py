"""One run: a table read and divided, models trained where there is room, figures and pictures of all."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import torch

from trainers.common.claims import claim
from trainers.common.devices import usable_cores
from trainers.common.errors import TrainerError
from trainers.common.prepared_cache import open_cache
from trainers.tabular import CODE_VERSION
from trainers.tabular.data.kept import reader
from trainers.tabular.data.loading import Known, Loaded, load
from trainers.tabular.gpus import chosen_devices
from trainers.tabular.request import Request
from trainers.tabular.results.export import check_formats, export_lacking
from trainers.tabular.results.saved import DESCRIPTION, WEIGHTS, load_model
from trainers.tabular.results.seed_files import Logs
from trainers.tabular.running.boosting import fit_trees
from trainers.tabular.running.claims import SETTINGS_FILE, discard, is_done
from trainers.tabular.running.networks import Listeners, base_models, plan_of, train_network
from trainers.tabular.running.parallel import train_all
from trainers.tabular.running.progress import Progress
from trainers.tabular.running.reporting import report_of
from trainers.tabular.running.source import digest_of, source_of, transform_notes
from trainers.tabular.settings import NETWORKS
from trainers.tabular.training.members import DivergedError
from worker_agent.protocol.script_contract import ScriptContract

Say = Callable[[str], None]


def train(request: Request, say: Say, contract: ScriptContract | None = None) -> dict[str, Any]:
    """Train the models of a request, or go on with them, and return their figures by model.

    Raises BadInput, before anything is written, for what cannot be used, and TrainerError where a process
    that trained a model has failed.
    """
    check_formats(request.exports)
    torch.set_num_threads(max(1, min(request.num_workers, usable_cores())))
    devices = chosen_devices(request.device, request.gpus, parallel=request.parallel)
    request, loaded = _loaded(request, say)
    names = request.settings.models
    networks = [name for name in names if name in NETWORKS]
    notes = [*transform_notes(request.settings, loaded.dataset.problem)]
    if request.exports and len(networks) < len(names):
        notes.append(f"--export is not for {', '.join(name for name in names if name not in networks)}")
    for name in networks:
        plan_of(name, loaded, request)  # what cannot be trained is told before anything is
    if request.overwrite:
        discard(request.output_dir, request.checkpoint_dir)
    claim(request.output_dir / SETTINGS_FILE, _fingerprint(request, loaded), _config(request))
    _tell(loaded, devices, say)
    for note in notes:
        say(note)
    timestamp = f"{datetime.now():%Y%m%d_%H%M%S}"
    work = _Work(request, loaded, contract, timestamp, say)
    missing = [name for name in networks if not is_done(request.output_dir, name)]
    for name in sorted({*networks} - {*missing}):
        say(f"{name}: is trained already")
        for path in export_lacking(request.output_dir / name, request.exports):
            say(f"{name}: {path}")

    def trees() -> None:
        for name in names:
            if name not in NETWORKS and not is_done(request.output_dir, name):
                fit_trees(name, loaded, request, say)

    try:
        train_all(missing, devices, work, replace(work, say=None), trees)
    except TrainerError:
        done = tuple(name for name in names if is_done(request.output_dir, name))
        if done:
            report_of(_with_models(request, done), loaded, say, timestamp)
        raise
    return report_of(request, loaded, say, timestamp)


def _with_models(request: Request, names: tuple[str, ...]) -> Request:
    return replace(request, settings=replace(request.settings, models=names))


@dataclass(frozen=True)
class _Work:
    """Trains models on one device, in this process or in another."""

    request: Request
    loaded: Loaded
    contract: ScriptContract | None
    timestamp: str
    """In the names of logs."""
    say: Say | None
    """None: another process, which tells stderr."""

    def __call__(self, names: Sequence[str], device: torch.device) -> None:
        """Train models one after the other; TrainerError, after all others, where one of them diverged."""
        report = None if self.contract is None else self.contract.report_progress
        say, epoch = self.say or _told_to_stderr, Logs(self.request.output_dir, self.timestamp).epoch
        listeners = Listeners(say, Progress(say, report), epoch if self.request.plots else None)
        failed = []
        for name in names:
            try:
                train_network(name, self.loaded, self.request, device, listeners)
            except DivergedError as error:
                failed.append(f"{name}: {error}")
        if failed:
            raise TrainerError(f"not all models were trained: {'; '.join(failed)}; the others are kept")


def _told_to_stderr(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _loaded(request: Request, say: Say) -> tuple[Request, Loaded]:
    """Return the rows, and the request with the models that a base model has."""
    read = reader(*open_cache(request.prepared_cache), say)
    if request.start is None:
        return request, load(source_of(request), read)
    names = base_models(request.start, request.settings.models)
    for name in request.settings.models:
        if name not in names:
            say(f"{name}: is left out, since {request.start} has no network of it to train further")
    first = load_model(request.start / names[0])
    known = Known(first.spec.columns, first.vocabulary, first.spec.problem)
    request = _with_models(request, names)
    return request, load(source_of(request), read, known)


def _fingerprint(request: Request, loaded: Loaded) -> dict[str, Any]:
    return {
        **request.settings.as_config(),
        "data": digest_of(loaded.dataset),
        "start": _digest(request.start, request.settings.models),
        "target_group": request.target_group,
        "code_version": CODE_VERSION,
    }


def _digest(start: Path | None, names: Sequence[str]) -> str | None:
    """Return what recognises the models that others start from."""
    if start is None:
        return None
    digest = hashlib.sha256()
    for name in names:
        for file in (DESCRIPTION, WEIGHTS):
            digest.update((start / name / file).read_bytes())
    return digest.hexdigest()


def _config(request: Request) -> dict[str, Any]:
    places = {"data": request.data, "tree": request.tree, "target_group": request.target_group}
    return {
        **{name: value for name, value in places.items() if value is not None},
        **request.settings.as_config(),
    }


def _tell(loaded: Loaded, devices: Sequence[torch.device], say: Say) -> None:
    dataset = loaded.dataset
    problem, columns = dataset.problem, dataset.columns
    classes = f" ({len(problem.classes)} classes)" if problem.classes else ""
    inputs = f"{len(columns.numeric)} amounts and {len(columns.categorical)} categories"
    say(f"{problem.kind} of {', '.join(problem.targets)}{classes} by {inputs}")
    held = f"{len(dataset.folds)} folds" if dataset.folds else f"{len(dataset.val)} held out"
    where = ", ".join(map(str, devices))
    say(f"{len(dataset.train)} rows to train on, {held}, {len(dataset.test)} to test on; on {where}")
    for note in loaded.notes:
        say(note)
