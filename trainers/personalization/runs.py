"""The two kinds of run: training a base model, and an experiment on the target."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from trainers.personalization import CODE_VERSION, base_model, files
from trainers.personalization.base_model import BaseModel
from trainers.personalization.data import SPLITS, Source, Windows, check_channels, count_classes
from trainers.personalization.networks import NetworkSpec, spec_of
from trainers.personalization.options import FULL_FINE_TUNING, PersonalizationOptions
from trainers.personalization.plots import write_plots
from trainers.personalization.sampling import (
    Augmentation,
    TrainingSet,
    derive_seed,
    random_share,
    training_set,
)
from trainers.personalization.scoring import Scores, evaluate
from trainers.personalization.training import CheckpointPlan, Progress, Report, Schedule, fit


@dataclass(frozen=True)
class Place:
    """Where a run computes, reads and writes."""

    device: torch.device
    base_model_dir: Path | None
    """Written by `train_base`, read by `run_experiment`; None only where the mode has no base model."""
    output_dir: Path
    checkpoint_dir: Path | None


def train_base(options: PersonalizationOptions, place: Place, report: Report) -> None:
    """Train the base model of the job and write its folder."""
    assert place.base_model_dir is not None
    place.base_model_dir.mkdir(parents=True, exist_ok=True)
    source = Source(options.data_path, options.window_size, options.n_classes)
    train = source.load_all(options.base_participants, ("train", "val"))
    val = source.load_all(options.base_participants, ("test",))
    n_classes = options.n_classes or count_classes((train, val))
    spec = spec_of(options, train.X_NCT.shape[1], n_classes)
    network = _fresh_network(spec, options.seed, place.device)
    windows = training_set(None, train.to(place.device), options.batch_size)
    plan = _checkpoint_plan(options, spec, place)
    progress = fit(network, windows, val.to(place.device), _schedule(options, "base"), report, plan)
    base_model.write(place.base_model_dir, options, spec, network, progress)


def run_experiment(options: PersonalizationOptions, place: Place, report: Report) -> None:
    """Fit a model to the target, score it on the target's test split and write the results."""
    place.output_dir.mkdir(parents=True, exist_ok=True)
    base = None
    if options.needs_base_model:
        assert place.base_model_dir is not None
        base = base_model.read(place.base_model_dir, options)
    target = _load_target(options, base)
    spec = spec_of(options, target["test"].X_NCT.shape[1], _n_classes(options, base, target))
    network = _fresh_network(spec, options.seed, place.device)
    base_scores = None
    test = target["test"].to(place.device)
    if base and place.base_model_dir:
        base_model.load_weights(place.base_model_dir, base, spec, network)
        base_scores = evaluate(network, test)
    train = _experiment_set(options, target["train"], spec, place.device)
    schedule, plan = _schedule(options, "target"), _checkpoint_plan(options, spec, place)
    progress = fit(network, train, target["val"].to(place.device), schedule, report, plan)
    network.load_state_dict(progress.best_weights)
    result = Result(options, spec, base, progress, base_scores, evaluate(network, test))
    result.write(place.output_dir)


@dataclass(frozen=True)
class Result:
    """All that an experiment found out."""

    options: PersonalizationOptions
    spec: NetworkSpec
    base: BaseModel | None
    progress: Progress
    base_scores: Scores | None
    """Of the base model on the target's test split."""
    scores: Scores
    """Of the best target model on the target's test split."""

    def write(self, folder: Path) -> None:
        """Write the files of an experiment; `metrics.json` comes last, so that its presence means done."""
        best = {
            "network": self.spec.as_dict(),
            "target": self.options.target,
            "epoch": self.progress.best_epoch,
            "weights": self.progress.best_weights,
        }
        curves = self.curves()
        files.write_tensors(folder / files.BEST_TARGET_MODEL, best)
        files.write_json(folder / files.LOSSES, curves)
        files.write_json(folder / files.HYPERPARAMETERS, self.hyperparameters())
        if not self.options.no_plots:
            write_plots(folder, curves, f"{self.options.target}, {self.options.mode}")
        files.write_json(folder / files.METRICS, self.metrics())

    def curves(self) -> dict[str, list[float]]:
        """Return one value an epoch for base and target training; empty lists for no base model."""
        base = self.base.curves if self.base else base_model.stage_curves("base", None)
        return {**base, **base_model.stage_curves("target", self.progress)}

    def metrics(self) -> dict[str, float | int | None]:
        """Return the figures of the experiment; those of the base model are None where there is none."""
        found = {
            "best_target_val_loss": self.progress.best("val_loss"),
            "best_target_val_loss_epoch": self.progress.best_epoch,
            "best_target_val_f1": self.progress.best("val_f1"),
            "best_target_val_accuracy": self.progress.best("val_accuracy"),
            "transition_epoch": self.base.epochs if self.base else None,
        }
        for model, scores in (("base", self.base_scores), ("target", self.scores)):
            for name in ("loss", "f1", "accuracy"):
                value = getattr(scores, name) if scores else None
                found[f"best_{model}_model_target_test_{name}"] = value
        return found

    def hyperparameters(self) -> dict[str, Any]:
        """Return the options and what was made of them, as JSON types."""
        values = {name: _as_json(value) for name, value in asdict(self.options).items()}
        return {
            **{name: value for name, value in values.items() if not name.endswith("_dir")},
            "target": self.options.target,
            "base_participants": self.options.base_participants if self.base else [],
            "n_classes": self.spec.n_classes,
            "n_channels": self.spec.n_channels,
            "code_version": CODE_VERSION,
        }


def _load_target(options: PersonalizationOptions, base: BaseModel | None) -> dict[str, Windows]:
    n_classes = base.n_classes if base else options.n_classes
    source = Source(options.data_path, options.window_size, n_classes)
    target = {split: source.load(options.target, split) for split in SPLITS}
    n_channels = base.n_channels if base else target["train"].X_NCT.shape[1]
    for split, windows in target.items():
        check_channels(source.path(options.target, split), windows, n_channels)
    return {**target, "train": random_share(target["train"], options.target_data_pct, options.seed)}


def _n_classes(options: PersonalizationOptions, base: BaseModel | None, target: dict[str, Windows]) -> int:
    if options.n_classes:
        return options.n_classes
    return base.n_classes if base else count_classes(target.values())


def _experiment_set(
    options: PersonalizationOptions, target: Windows, spec: NetworkSpec, device: torch.device
) -> TrainingSet:
    if options.mode != FULL_FINE_TUNING:
        return training_set(target.to(device), None, options.batch_size)
    source = Source(options.data_path, options.window_size, spec.n_classes)
    others = source.load_all(options.base_participants, ("train", "val"))
    first = source.path(options.base_participants[0], "train")
    check_channels(first, others, spec.n_channels)
    return training_set(target.to(device), others.to(device), options.batch_size, options.target_batch_pct)


def _fresh_network(spec: NetworkSpec, seed: int, device: torch.device) -> nn.Module:
    torch.manual_seed(derive_seed(seed, "weights", 0))
    return spec.build().to(device)


def _schedule(options: PersonalizationOptions, stage: str) -> Schedule:
    augmentation = Augmentation(options.jitter_std, options.magnitude_range, options.aug_prob)
    base, target = options.early_stopping_patience, options.early_stopping_patience_target
    return Schedule(
        stage=stage,
        epochs=options.epochs,
        patience=base if stage == "base" else target,
        lr=options.lr,
        seed=options.seed,
        augmentation=augmentation if options.use_augmentation else None,
    )


def _checkpoint_plan(
    options: PersonalizationOptions, spec: NetworkSpec, place: Place
) -> CheckpointPlan | None:
    if place.checkpoint_dir is None:
        return None
    job = replace(options, device="", checkpoint_every=0, no_plots=False)
    values = {name: _as_json(value) for name, value in asdict(job).items() if not name.endswith("_dir")}
    # As the network asks for it and not as the flags do: inferred classes may change with the data.
    values |= {"network": spec.as_dict(), "code_version": CODE_VERSION}
    return CheckpointPlan(place.checkpoint_dir / files.CHECKPOINT, options.checkpoint_every, values)


def _as_json(value: Any) -> Any:
    if isinstance(value, Path):
        return str(value)
    return list(value) if isinstance(value, tuple) else value
