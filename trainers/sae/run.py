"""One training, from a file of activations to the files of an autoencoder."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from functools import partial
from pathlib import Path
from typing import Any

import torch

from trainers.common.activations.prepared import Prepared
from trainers.common.activations.rows import bits
from trainers.common.claims import claim
from trainers.common.devices import resolve_device, usable_cores
from trainers.common.errors import BadInput
from trainers.common.prepared_cache import open_cache
from trainers.common.resume import as_json
from trainers.sae import CODE_VERSION, keep_pages
from trainers.sae.checkpoints import keep_memory, memory_before
from trainers.sae.data import Examples, Scale, batches, memory_for_rows, read_examples, scale_of
from trainers.sae.evaluation import Evaluation, evaluate
from trainers.sae.files.loading import load_sae
from trainers.sae.files.saved import SavedSae, folded
from trainers.sae.fitted import Fitted
from trainers.sae.loop import Loop, Plan, Progress, diverged, plan_of
from trainers.sae.model.kernels import kernels_of
from trainers.sae.model.parameters import Parameters
from trainers.sae.outputs import (
    CONFIG,
    check_exports,
    discard,
    exports_of,
    is_written,
    write_exports,
    write_results,
)
from trainers.sae.rates import base_rate, batch_size
from trainers.sae.records import Records
from trainers.sae.rungs import CURE, KEPT_STATE, Lower, has_state, keep_state, read_lower
from trainers.sae.settings import Settings
from trainers.sae.trackers import check_trackers, open_trackers
from trainers.sae.training import Training
from trainers.sae.with_lightning.limits import check_engine, check_rows

PARENT = "parent"
"""What a child is known to start from: which one it is, the job's hash tells."""


@dataclass(frozen=True)
class Request:
    """One training as the user asked for it."""

    activation_path: Path
    settings: Settings
    output_dir: Path
    checkpoint_dir: Path
    layer_idx: int | None = None
    device: str = "auto"
    num_workers: int = 8
    """Threads that compute, at most; with Lightning, processes of its DataLoader."""
    exports: tuple[str, ...] = ()
    trackers: tuple[str, ...] = ()
    """Of `trackers`, beside JSONL and CSV."""
    start: Path | None = None
    """An autoencoder to start from: of another layer, other data, another k; for a child whose training
    goes on what it goes on from."""
    is_child: bool = False
    """Whether that is the parent of a base model: an attempt goes on from its own state, whatever the
    parent is by then."""
    model_name: str | None = None
    training_mode: str | None = None
    prepared_cache: str | None = None
    """Folder of what was prepared for earlier trainings; `off` for none, None for the user's."""
    overwrite: bool = False
    stem_prefix: str = "sae"
    """How the names of the files of weights and metadata begin."""
    resume: Path | None = None
    """A base model of fewer epochs, whose training goes on; None where none does."""
    keeps_state: bool = False
    """Whether the output is to hold the checkpoint that training ends with, so that more epochs can go on."""

    @property
    def stem(self) -> str:
        """Name of the file of weights, without its ending."""
        return self.stem_prefix if self.layer_idx is None else f"{self.stem_prefix}_layer_{self.layer_idx}"


@dataclass(frozen=True)
class Trained:
    """An autoencoder, how good it is, and its file."""

    sae: SavedSae
    evaluation: Evaluation
    path: Path


def train(request: Request, say: Callable[[str], None], progress: Progress) -> Trained:
    """Train an autoencoder, or go on with it; BadInput, before anything is written, for what cannot be."""
    keep_pages()
    settings = request.settings
    check_exports(request.exports, settings.architecture)
    check_trackers(request.trackers)
    check_engine(settings)
    _check_start_stays(request)
    device = resolve_device(request.device)
    if settings.engine == "own":
        torch.set_num_threads(max(1, min(request.num_workers, usable_cores())))
    memory = _memory(request, say)
    source = request.activation_path, request.layer_idx
    examples = read_examples(*source, settings, memory, _prepared(request, say))
    if settings.engine == "lightning":
        check_rows(examples.rows)
    else:  # Lightning moves batches itself, from processes that have no GPU
        examples = examples.on(device)
    scale = scale_of(examples, settings)
    base = None if request.start is None else load_sae(request.start)
    start = None if base is None else _start(request, base, examples, scale)
    training = Training(settings, scale, device, start)
    if settings.engine == "own":
        kernels_of(settings.kernels, training.case)  # refused before anything is written
    batch = batch_size(settings, examples.n_train, device.type)
    fingerprint = _fingerprint(request, base, examples, batch)
    plan = plan_of(settings, examples.n_train, batch, fingerprint, request.checkpoint_dir)
    lower = _lower(request, plan, training, say)
    config = {
        **settings.as_config(),
        "activation_path": request.activation_path,
        "layer_idx": request.layer_idx,
    }
    _take_folder(request, config, fingerprint)
    _begin_checkpoints(request, fingerprint, memory, lower)
    _say_plan(plan, examples, scale, say)
    trackers = partial(open_trackers, request.trackers, request.output_dir, as_json(config))
    told = Records(request.output_dir, say, trackers), progress
    if settings.engine == "lightning":
        from trainers.sae.with_lightning.fitting import fit

        fitted = fit(plan, training, examples, told, request.num_workers)
    else:
        fitted = _looped(plan, training, examples, told, say)
    told[0].close()
    finished = _finish(request, training, fitted, examples, say)
    if request.keeps_state:
        keep_state(request.checkpoint_dir, request.output_dir)
    return finished


def _check_start_stays(request: Request) -> None:
    """Raise BadInput where --overwrite would delete what the training starts from."""
    start, output = request.start, request.output_dir.resolve()
    if request.overwrite and start is not None and output in (start.resolve(), *start.resolve().parents):
        raise BadInput(
            f"--start {start} lies in {request.output_dir}, which --overwrite empties; use another"
        )


def _memory(request: Request, say: Callable[[str], None]) -> int:
    """Return the bytes that activations may take: those that the training began with, if it did before."""
    now = memory_for_rows()
    before = None if request.overwrite else memory_before(request.checkpoint_dir)
    if before is None and request.resume is not None:
        before = memory_before(request.resume / KEPT_STATE)
    if before is not None and before > now:
        say(f"began with {before >> 20} MiB of memory for activations; there are {now >> 20} MiB now")
    return now if before is None else before


def _take_folder(request: Request, config: Mapping[str, Any], fingerprint: Mapping[str, Any]) -> None:
    """Make the folder this training's."""
    if request.overwrite:
        discard(request.output_dir, request.checkpoint_dir)
    claim(request.output_dir / CONFIG, fingerprint, config)


def _begin_checkpoints(
    request: Request, fingerprint: Mapping[str, Any], memory: int, lower: Lower | None
) -> None:
    keep_memory(request.checkpoint_dir, memory)
    if lower is not None:
        lower.take_over(request.checkpoint_dir, fingerprint)


def _lower(request: Request, plan: Plan, training: Training, say: Callable[[str], None]) -> Lower | None:
    """Return what the training goes on from; None where it begins, or has a checkpoint of its own."""
    if request.resume is None or (not request.overwrite and has_state(request.checkpoint_dir)):
        return None
    if request.settings.engine != "own" or request.settings.max_steps is not None:
        what = "--engine lightning and --max-steps do not go on from a base model"
        raise BadInput(f"{request.resume}: {what}; {CURE}")
    lower = read_lower(request.resume, plan, training)
    if lower is None:
        if request.is_child and request.start == request.resume:
            raise BadInput(f"{request.resume}: holds no state, and its parent is not here; {CURE}")
        say(f"{request.resume} holds no state of its training: it begins at epoch 1")
    return lower


def _prepared(request: Request, say: Callable[[str], None]) -> Prepared | None:
    cache, why = open_cache(request.prepared_cache)
    if why:
        say(f"activations: not kept prepared: {why}")
    return None if cache is None else Prepared(cache, say)


def _looped(
    plan: Plan,
    training: Training,
    examples: Examples,
    told: tuple[Records, Progress],
    say: Callable[[str], None],
) -> Fitted:
    records, progress = told
    loop = Loop(plan, training, examples, records)
    if loop.resume():
        say(f"goes on after step {loop.place.step} of {plan.steps}")
    else:
        _, first = next(batches(examples, examples.order(plan.settings.seed, 0), 0, plan.batch))
        say(training.prepare(first))
        loop.save()  # what was timed is not timed again, however soon the training is killed
    loop.run(progress)
    return loop.fitted()


def _finish(
    request: Request, training: Training, fitted: Fitted, examples: Examples, say: Callable[[str], None]
) -> Trained:
    best, threshold = fitted.parameters, fitted.threshold
    found = evaluate(training.form, best, examples.held_out.to(threshold), threshold, training.scale.factor)
    if not math.isfinite(found.loss):
        raise diverged(f"the weights after {fitted.steps} steps")
    form = training.form
    sae = SavedSae(form, folded(best, training.scale.factor), threshold, _metadata(request, fitted))
    exports = exports_of(
        request.exports, request.output_dir, request.layer_idx or 0, (sae, found), request.activation_path
    )
    if not fitted.trained_now and is_written(request.output_dir, request.stem, sae):
        say("it is finished and its results are there: none of them is written again")
        path = write_exports(request.output_dir, request.stem, exports)
    else:
        path = write_results(request.output_dir, request.stem, sae, found, exports)
    say(f"{path}: FVU {found.fvu:.4f}, L0 {found.l0:.1f}, dead {found.dead_share:.2%}")
    if not math.isfinite(fitted.val_loss):
        say("the loss became no number: what is saved is from before that; lower --learning-rate")
    if found.fvu >= 1:
        say("it explains nothing: the mean of the activations is as near to them; lower --learning-rate")
    return Trained(sae, found, path)


def _metadata(request: Request, fitted: Fitted) -> dict[str, Any]:
    return {
        "layer_idx": request.layer_idx,
        "learning_rate": fitted.rate,
        "training_epochs": fitted.epoch,
        "training_steps": fitted.steps,
        "model_name": request.model_name,
        **({"training_mode": request.training_mode} if request.training_mode else {}),
        "training_completed_at": datetime.now(timezone.utc).isoformat(),
        "final_train_loss": fitted.train_loss,
        "final_val_loss": fitted.val_loss,
        "code_version": CODE_VERSION,
    }


def _start(request: Request, base: SavedSae, examples: Examples, scale: Scale) -> Parameters:
    """Return the parameters of the autoencoder to start from, as the new one's scale has them."""
    wanted = request.settings.form(examples.rows.n_features)
    for name in ("kind", "n_features", "n_latents", "tied"):
        there, asked = getattr(base.form, name), getattr(wanted, name)
        if there != asked:
            raise BadInput(f"{request.start}: has {name} {there}, the training {asked}; both must be equal")
    dtype = scale.mean_D.dtype
    return {name: value.to(dtype) for name, value in base.unfolded(scale.factor).items()}


def _fingerprint(request: Request, base: SavedSae | None, examples: Examples, batch: int) -> dict[str, Any]:
    settings = replace(request.settings, batch_size=batch)
    return {
        **settings.as_config(),
        "layer_idx": request.layer_idx,
        "data": _digest(examples),
        "start": PARENT if request.is_child else None if base is None else _digest_of(base.parameters),
        "code_version": CODE_VERSION,
    }


def _digest(examples: Examples) -> str:
    """Recognise the data wherever its file lies: by shapes, and all rows that scale and figures come from.

    Their bytes, not the scale: its last digits depend on the machine.
    """
    shapes = (examples.rows.n_rows, examples.n_train, *examples.held_out.shape)
    digest = hashlib.sha256(f"sae-data {shapes}\0".encode())
    for rows in (examples.sample, examples.held_out):
        digest.update(bits(rows.contiguous()).data)
    return digest.hexdigest()


def _digest_of(parameters: Parameters) -> str:
    digest = hashlib.sha256(b"sae-start\0")
    for name in sorted(parameters):
        digest.update(name.encode() + bits(parameters[name].contiguous()).tobytes())
    return digest.hexdigest()


def _say_plan(plan: Plan, examples: Examples, scale: Scale, say: Callable[[str], None]) -> None:
    settings = plan.settings
    rate = base_rate(settings, plan.batch * settings.accumulate)
    form = settings.form(examples.rows.n_features)
    say(
        f"{form.kind}: {form.n_features} activations, {form.n_latents} latents"
        + (f", k {form.k}" if form.is_selective else f", sparsity {form.sparsity_coef:g}")
        + f"; {examples.n_train} examples to train on, {len(examples.held_out)} held out"
    )
    chosen = " (auto)" if settings.batch_size is None else ""
    if settings.batch_size is not None and plan.batch < settings.batch_size:
        chosen = f" (all examples there are, not the {settings.batch_size} of --batch-size)"
    scaled = " (scaled to latents and batch)" if settings.learning_rate is None else ""
    say(
        f"batch {plan.batch}{chosen}, rate {rate:.3g}{scaled}, {plan.steps} steps, "
        f"activations times {scale.factor:.4g}"
    )
