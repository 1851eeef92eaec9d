"""One run: a table read and divided, models trained where there is room, figures and pictures of all."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import torch

from trainers.common.claims import claim
from trainers.common.devices import usable_cores
from trainers.common.errors import TrainerError
from trainers.common.jobs.members import Cancelled
from trainers.common.prepared_cache import open_cache
from trainers.tabular import CODE_VERSION
from trainers.tabular.data.kept import reader
from trainers.tabular.data.loading import Known, Loaded
from trainers.tabular.gpus import chosen_devices
from trainers.tabular.request import Request
from trainers.tabular.results.export import check_formats, export_lacking
from trainers.tabular.results.saved import DESCRIPTION, WEIGHTS, load_model
from trainers.tabular.results.seed_files import Logs
from trainers.tabular.running.boosting import fit_trees
from trainers.tabular.running.claims import SETTINGS_FILE, discard, is_done
from trainers.tabular.running.further import PARENT, check_parent
from trainers.tabular.running.networks import Listeners, base_models, plan_of, train_network
from trainers.tabular.running.parallel import Listener, Say, shared_out, train_apart
from trainers.tabular.running.progress import Progress
from trainers.tabular.running.reporting import report_of
from trainers.tabular.running.source import source_of, transform_notes
from trainers.tabular.running.tables import Tables
from trainers.tabular.running.together import Run, run_alone
from trainers.tabular.settings import NETWORKS
from trainers.tabular.training.members import DivergedError
from worker_agent.protocol.script_contract import ScriptContract


@dataclass(frozen=True)
class Surroundings:
    """What a run is given beside its request."""

    say: Say
    contract: ScriptContract | None = None
    may_go_on: Callable[[], None] = lambda: None
    """Raises a TrainerError where the run is to end."""
    tables: Tables = field(default_factory=Tables)
    """Shared by the jobs of one process."""
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)
    """Its own, where several jobs share the process's."""


def train(request: Request, say: Say, contract: ScriptContract | None = None) -> dict[str, Any]:
    """Train the models of a request, or go on with them, and return their figures by model.

    Raises BadInput, before anything is written, for what cannot be used, and TrainerError where a process
    that trained a model has failed.
    """
    found: list[dict[str, Any]] = []
    run_alone(run_of(request, Surroundings(say, contract), found.append))
    return found[0]


def run_of(request: Request, here: Surroundings, told: Callable[[dict[str, Any]], None]) -> Run:
    """Return the run of a request, which asks for what is to be trained; `told` gets the figures by model.

    It raises what `train` raises.
    """
    devices = chosen_devices(request.device, request.gpus, parallel=request.parallel)
    work = _begun(request, devices, here)
    request, loaded = work.request, work.loaded
    names = request.settings.models
    try:
        yield from _networks(work, devices)
    except Cancelled:
        raise
    except TrainerError:
        done = tuple(name for name in names if is_done(request.output_dir, name))
        if done:
            report_of(_with_models(request, done), loaded, here.say, work.timestamp)
        raise
    told(report_of(request, loaded, here.say, work.timestamp))


@dataclass(frozen=True)
class _Work:
    """A run whose folder is its own."""

    request: Request
    loaded: Loaded
    here: Surroundings
    timestamp: str
    """In the names of logs."""

    def train(self, names: Sequence[str], device: torch.device) -> Run:
        """Train models one after the other; TrainerError, after all others, where one of them diverged."""
        here, contract = self.here, self.here.contract
        epoch = Logs(self.request.output_dir, self.timestamp).epoch if self.request.plots else None
        progress = Progress(here.say, None if contract is None else contract.report_progress)
        listeners = Listeners(here.say, progress, epoch, here.may_go_on)
        failed = []
        for name in names:
            try:
                yield from train_network(name, self.loaded, self.request, device, listeners, here.tables)
            except DivergedError as error:
                failed.append(f"{name}: {error}")
        if failed:
            raise TrainerError(f"not all models were trained: {'; '.join(failed)}; the others are kept")

    def fit_trees(self) -> None:
        """Fit the trees that are not there yet."""
        for name in self.request.settings.models:
            if name not in NETWORKS and not is_done(self.request.output_dir, name):
                self.here.may_go_on()
                fit_trees(name, self.loaded, self.request, self.here.say)


@dataclass(frozen=True)
class _Apart:
    """Trains models on one device in another process."""

    request: Request
    loaded: Loaded
    contract: ScriptContract | None
    timestamp: str

    def __call__(self, names: Sequence[str], device: torch.device, say: Say) -> None:
        """Train models one after the other."""
        here = Surroundings(say, self.contract)
        run_alone(_Work(self.request, self.loaded, here, self.timestamp).train(names, device))


def _begun(request: Request, devices: Sequence[torch.device], here: Surroundings) -> _Work:
    """Check all that can be checked, then make the folder this run's."""
    check_formats(request.exports)
    torch.set_num_threads(max(1, min(request.num_workers, usable_cores())))
    request, loaded = _loaded(request, here)
    names = request.settings.models
    networks = [name for name in names if name in NETWORKS]
    notes = [*transform_notes(request.settings, loaded.dataset.problem)]
    if request.exports and len(networks) < len(names):
        notes.append(f"--export is not for {', '.join(name for name in names if name not in networks)}")
    for name in networks:
        plan_of(name, loaded, request, here.tables)  # what cannot be trained is told before anything is
    if request.overwrite:
        discard(request.output_dir, request.checkpoint_dir)
    digest = here.tables.digest(loaded.dataset)
    claim(request.output_dir / SETTINGS_FILE, _fingerprint(request, digest), _config(request))
    _tell(loaded, devices, here.say)
    for note in notes:
        here.say(note)
    return _Work(request, loaded, here, f"{datetime.now():%Y%m%d_%H%M%S}")


def _networks(work: _Work, devices: Sequence[torch.device]) -> Run:
    """Train the networks that are missing, and fit the trees."""
    request, say = work.request, work.here.say
    networks = [name for name in request.settings.models if name in NETWORKS]
    missing = [name for name in networks if not is_done(request.output_dir, name)]
    for name in sorted({*networks} - {*missing}):
        say(f"{name}: is trained already")
        for path in export_lacking(request.output_dir / name, request.exports):
            say(f"{name}: {path}")
    shares = shared_out(missing, devices)
    if len(shares) > 1:
        apart = _Apart(request, work.loaded, work.here.contract, work.timestamp)
        train_apart(shares, apart, Listener(say, work.here.may_go_on), work.fit_trees)
        return
    for device, share in shares:
        yield from work.train(share, device)
    work.fit_trees()


def _with_models(request: Request, names: tuple[str, ...]) -> Request:
    return replace(request, settings=replace(request.settings, models=names))


def _loaded(request: Request, here: Surroundings) -> tuple[Request, Loaded]:
    """Return the rows, and the request with the models that a base model has."""
    say, load = here.say, here.tables.load
    read = reader(*open_cache(request.prepared_cache, here.environ, request.root), say)
    if request.start is None:
        return request, load(source_of(request), read)
    names = base_models(request.start, request.settings.models)
    check_parent(request)
    for name in request.settings.models:
        if name not in names:
            say(f"{name}: is left out, since {request.start} has no network of it to train further")
    first = load_model(request.start / names[0])
    known = Known(first.spec.columns, first.vocabulary, first.spec.problem)
    request = _with_models(request, names)
    return request, load(source_of(request), read, known)


def _fingerprint(request: Request, digest: str) -> dict[str, Any]:
    return {
        **request.settings.as_config(),
        "data": digest,
        "start": PARENT if request.is_child else _digest(request.start, request.settings.models),
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
