"""One network of a run: its members trained, the best rates kept, saved as a model that can be called."""

from __future__ import annotations

import math
import resource
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import torch

from trainers.common.errors import BadInput
from trainers.common.files import write_json
from trainers.tabular import CODE_VERSION
from trainers.tabular.data.dataset import Dataset
from trainers.tabular.data.loading import Loaded
from trainers.tabular.data.targets import Transform
from trainers.tabular.models.registry import ModelSpec, Recipe, build, count_parameters
from trainers.tabular.request import Request
from trainers.tabular.results.export import export
from trainers.tabular.results.saved import DESCRIPTION, SavedMember, SavedModel, load_model, save_model
from trainers.tabular.results.surrogate import Surrogate, calibrated
from trainers.tabular.running.claims import DONE, checkpoint_of
from trainers.tabular.running.further import check_sizes
from trainers.tabular.running.importance import Stored, importance_of
from trainers.tabular.running.planning import Planned, batch_of, best_rates, planned, recipe_of, sizes_of
from trainers.tabular.running.preparing import Prepared
from trainers.tabular.running.progress import Progress
from trainers.tabular.running.source import transforms_of
from trainers.tabular.running.tables import Tables
from trainers.tabular.running.together import Run
from trainers.tabular.settings import NETWORKS, Settings
from trainers.tabular.training.members import (
    DivergedError,
    Member,
    Options,
    Precision,
    Reports,
    Stacking,
    Trained,
    Training,
)

Heard = Callable[[str, int, Mapping[str, float]], None]
"""Gets the model's name, the number of a member and an epoch of it."""


@dataclass(frozen=True)
class Listeners:
    """Who hears how training goes."""

    say: Callable[[str], None]
    progress: Progress
    epoch: Heard | None = None
    may_go_on: Callable[[], None] = lambda: None
    """Asked after each epoch; raises a TrainerError where the job is to end."""


@dataclass(frozen=True)
class Plan:
    """All that is decided before the first step."""

    spec: ModelSpec
    recipe: Recipe
    prepared: Prepared
    planned: list[Planned]
    members: list[Member]
    batch_size: int
    notes: tuple[str, ...] = ()


def train_network(
    name: str,
    loaded: Loaded,
    request: Request,
    device: torch.device,
    listeners: Listeners,
    tables: Tables | None = None,
) -> Run:
    """Have a network trained and leave its folder whole; BadInput, before that, where it cannot be."""
    started = time.monotonic()
    plan = plan_of(name, loaded, request, tables)
    options = _options(name, plan, request, device)
    for note in plan.notes:
        listeners.say(f"{name}: {note}")
    listeners.progress.begin(name, len(plan.members), options.epochs)

    def heard(member: int, record: Mapping[str, float]) -> None:
        listeners.progress.epoch(member, record)
        if listeners.epoch is not None:
            listeners.epoch(name, member, record)

    reports = Reports(heard, listeners.say)
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    training = Training(
        plan.spec, plan.prepared.examples, plan.members, options, reports, listeners.may_go_on
    )
    trained = yield from _trained(name, plan, training)
    kept = _kept(plan.planned, trained)
    if len(kept) < len(trained):
        listeners.say(_told_rates(name, plan.planned[kept[0]]))
    model = _saved(plan, loaded, trained, kept, request)
    folder = request.output_dir / name
    save_model(folder, model)
    for kind in request.exports:
        listeners.say(f"{name}: {export(folder, model, kind)}")
    record = _record(plan, trained, kept, options, time.monotonic() - started)
    if request.plots:
        record["importance"] = _importance(model, plan, loaded)
    write_json(folder / DONE, record)
    checkpoint_of(request.checkpoint_dir, name).unlink(missing_ok=True)


def _trained(name: str, plan: Plan, training: Training) -> Generator[Training, list[Trained], list[Trained]]:
    """Return what came of each member; DivergedError where no rates of the search are without a lost one."""
    try:
        return (yield training)
    except DivergedError as error:
        pairs = list(zip(plan.planned, error.trained, strict=True))
        lost = {one.rates for one, trained in pairs if trained.is_lost}
        if lost == {one.rates for one in plan.planned}:
            raise
        training.reports.said(f"{name}: some rates are out of the search: {error}")
        return error.trained


def plan_of(name: str, loaded: Loaded, request: Request, tables: Tables | None = None) -> Plan:
    """Return what would be trained; BadInput where it cannot be.  `tables` has what is prepared already."""
    settings, dataset, tables = request.settings, loaded.dataset, tables or Tables()
    if request.start is not None:
        return _further(load_model(request.start / name), name, dataset, request, tables)
    own = recipe_of(name, dataset.problem, settings)
    transforms: tuple[Transform, ...] = transforms_of(settings.target_transform, dataset.problem.targets)
    prepared = tables.prepare(dataset, own.inputs, transforms, settings.fold)
    members = planned(own, settings, len(prepared.parts))
    spec = ModelSpec(name, dataset.columns, dataset.problem, sizes_of(settings.sizes, name))
    count_parameters(build(spec, prepared.examples.numeric[:1000]))  # sizes that do not fit are told now
    return _plan(spec, own, prepared, members, settings)


def _plan(
    spec: ModelSpec, own: Recipe, prepared: Prepared, members: list[Planned], settings: Settings
) -> Plan:
    batch, note = batch_of(own, settings, min(len(part.train) for part in prepared.parts))
    notes = () if note is None else (note,)
    return Plan(spec, own, prepared, members, [_member(one, prepared) for one in members], batch, notes)


def _further(base: SavedModel, name: str, dataset: Dataset, request: Request, tables: Tables) -> Plan:
    """Return the plan that starts from the members of a base model, with its statistics."""
    if dataset.folds and request.settings.fold is None:
        raise BadInput("--folds from a base model on needs --fold: which of them is held out")
    check_sizes(request, base.spec)
    own = recipe_of(name, base.spec.problem, request.settings, further=True)
    prepared = tables.prepare_by(dataset, base.statistics, request.settings.fold)
    rate, decay, clip = own.learning_rate, own.weight_decay, own.clip_norm
    members = [Planned(one.seed, one.fold, rate, decay, clip) for one in base.members]
    plan = _plan(base.spec, own, prepared, members, request.settings)
    started = [
        replace(member, start=saved.state) for member, saved in zip(plan.members, base.members, strict=True)
    ]
    return replace(plan, members=started)


def _member(one: Planned, prepared: Prepared) -> Member:
    part = prepared.parts[one.fold]
    return Member(
        one.seed, one.learning_rate, one.weight_decay, one.clip_norm, train=part.train, val=part.val
    )


def _options(name: str, plan: Plan, request: Request, device: torch.device) -> Options:
    return Options.of(
        plan.recipe,
        batch_size=plan.batch_size,
        precision=cast(Precision, request.settings.precision),
        device=device,
        compile=request.compile,
        stacking=cast(Stacking, request.stacking),
        checkpoint=checkpoint_of(request.checkpoint_dir, name),
        knows_start=request.is_child,
        fingerprint={"model": name, "code_version": CODE_VERSION},
    )


def _kept(members: Sequence[Planned], trained: Sequence[Trained]) -> list[int]:
    """Return the numbers of the members whose rates are the best."""
    losses = [math.inf if one.is_lost else one.history[one.best_epoch - 1]["val_loss"] for one in trained]
    best = best_rates(members, losses)
    return [number for number, one in enumerate(members) if one.rates == best]


def _told_rates(name: str, best: Planned) -> str:
    rate, decay, clip = best.rates
    return f"{name}: of the rates, {rate:g} with weight decay {decay:g} and clip norm {clip:g} is the best"


def _saved(
    plan: Plan, loaded: Loaded, trained: Sequence[Trained], kept: Sequence[int], request: Request
) -> SavedModel:
    members = tuple(
        SavedMember(trained[number].state, plan.planned[number].seed, plan.planned[number].fold)
        for number in kept
    )
    settings = {"settings": request.settings.as_config(), "data": list(request.data)}
    model = SavedModel(plan.spec, loaded.vocabulary, plan.prepared.statistics, members, settings=settings)
    return calibrated(model, plan.prepared.held_out)


def _record(
    plan: Plan, trained: Sequence[Trained], kept: Sequence[int], options: Options, seconds: float
) -> dict[str, Any]:
    """Return what is told of a training in its `training.json`."""
    network = build(plan.spec, plan.prepared.examples.numeric[:1000])
    members = [
        {
            **{key: getattr(one, key) for key in Planned.__dataclass_fields__},
            **{key: getattr(trained[number], key) for key in ("best_epoch", "stop_epoch", "seconds")},
            "kept": number in kept,
            "history": trained[number].history,
        }
        for number, one in enumerate(plan.planned)
    ]
    return {
        "members": members,
        "parameters": count_parameters(network),
        "seconds": seconds,
        "peak_bytes": _peak_bytes(options.device),
        "device": str(options.device),
        "batch_size": options.batch_size,
    }


def _importance(model: SavedModel, plan: Plan, loaded: Loaded) -> Stored:
    """Return what the members of the first fold make of what it held out."""
    surrogate, dataset = Surrogate(model), loaded.dataset
    return importance_of(
        lambda rows: surrogate.members(rows, [0]).values.mean(0),
        plan.prepared.held_out[0],
        dataset.columns,
        dataset.problem,
    )


def _peak_bytes(device: torch.device) -> int:
    """Return the most memory that training took: of the GPU, or of the process."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def base_models(folder: Path, names: Sequence[str]) -> tuple[str, ...]:
    """Return those of the models that a base model has as networks; BadInput where it has none of them."""
    there = [name for name in NETWORKS if (folder / name / DESCRIPTION).is_file()]
    found = tuple(name for name in names if name in there)
    if not found:
        told = ", ".join(there) or "none that can be trained further"
        raise BadInput(f"{folder}: has no model of {', '.join(names)}; it has {told}. --models chooses")
    return found
