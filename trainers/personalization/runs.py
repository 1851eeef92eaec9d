"""The two kinds of run: training a base model, and an experiment on the target.

Each is a generator that asks for trainings and is sent how they went: those of several jobs can be one.
"""

from __future__ import annotations

import copy
from collections.abc import Generator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from torch import Tensor, nn

from trainers.common.files import write_json, write_tensors
from trainers.common.resume import as_json
from trainers.personalization import CODE_VERSION, base_model, files
from trainers.personalization.base_model import BaseModel
from trainers.personalization.data import SPLITS, Source, Windows, check_channels, concatenate, count_classes
from trainers.personalization.fitting.courses import CheckpointPlan, Progress, Report, Trainee
from trainers.personalization.networks import NetworkSpec, spec_of
from trainers.personalization.options import FULL_FINE_TUNING, PersonalizationOptions
from trainers.personalization.plots import write_plots
from trainers.personalization.recipe.baseline import baselines
from trainers.personalization.recipe.members import averaged, member_checkpoint, member_reports
from trainers.personalization.recipe.rungs import going_on, origin
from trainers.personalization.recipe.starting import Place, Start
from trainers.personalization.sampling import TrainingSet, random_share, training_set
from trainers.personalization.scoring import Scores, evaluate

Run = Generator[list[Trainee], list[Progress], None]


def train_base(options: PersonalizationOptions, place: Place, report: Report) -> Run:
    """Train the base model of the job and write its folder."""
    folder = place.base_model_dir
    assert folder is not None
    folder.mkdir(parents=True, exist_ok=True)
    begun = origin(options, place)
    place, parent = begun.place, begun.base
    options = _as_base_model(options, parent, place) if parent else options
    n_classes = options.n_classes or (parent.n_classes if parent else None)
    source = Source(place.root / options.data_path, options.window_size, n_classes)
    train = source.load_all(options.base_participants, ("train", "val"))
    val = source.load_all(options.base_participants, ("test",))
    if parent:
        check_channels(source.path(options.base_participants[0], "train"), train, parent.n_channels)
    spec = spec_of(options, train.X_NCT.shape[1], n_classes or count_classes((train, val)))
    windows = training_set(None, train.to(place.device), options.batch_size, None, options.epoch_steps)
    start = Start(options, spec, place, parent)
    place.say(start.notes(windows))
    networks = [start.network(member, windows) for member in range(options.seeds)]
    trainees = _members(options, start, networks, (windows, val.to(place.device)), report)
    config = base_model.config(options, spec, begun.parent_participants)
    trained = yield going_on(trainees, begun, options, config)
    base_model.write(folder, options, spec, networks, trained, begun.parent_participants)


def run_experiment(options: PersonalizationOptions, place: Place, report: Report) -> Run:
    """Fit a model to the target, score it on the target's test split and write the results."""
    place.output_dir.mkdir(parents=True, exist_ok=True)
    base = None
    if options.needs_base_model:
        assert place.base_model_dir is not None
        base = base_model.read(place.base_model_dir, options)
        options = _as_base_model(options, base, place)
    asked, options = options, options.for_target()
    target = _load_target(options, base, place)
    spec = spec_of(options, target["test"].X_NCT.shape[1], _n_classes(options, base, target))
    start = Start(options, spec, place, base)
    val, test = target["val"].to(place.device), target["test"].to(place.device)
    train = _experiment_set(options, target["train"], spec, place)
    place.say(start.notes(train))
    networks = [start.network(member, train) for member in range(options.seeds)]
    base_scores = evaluate(averaged(networks), test) if base else None
    trained = yield _members(options, start, networks, (train, val), report)
    for network, progress in zip(networks, trained, strict=True):
        network.load_state_dict(progress.best_weights)
    val_scores = evaluate(averaged(networks), val)
    if options.refit:
        both = concatenate((target["train"], target["val"]))
        again = _refitted(start, _experiment_set(options, both, spec, place), trained)
        yield again
        networks = [one.network for one in again]
    result = Result(
        asked,
        spec,
        base,
        trained[0],
        [copy.deepcopy(network.state_dict()) for network in networks],
        base_scores,
        val_scores,
        evaluate(averaged(networks), test),
        _baselines(options, target, spec, place),
    )
    result.write(place)


@dataclass(frozen=True)
class Result:
    """All that an experiment found out."""

    options: PersonalizationOptions
    spec: NetworkSpec
    base: BaseModel | None
    progress: Progress
    """Of the first member."""
    weights: list[dict[str, Tensor]]
    """Of each member of the best target model."""
    base_scores: Scores | None
    """Of the base model on the target's test split."""
    val_scores: Scores
    """Of the best target model on the target's validation split, before a refit."""
    scores: Scores
    """Of the best target model on the target's test split."""
    baselines: dict[str, Scores]
    """On the target's test split, by name."""

    def write(self, place: Place) -> None:
        """Write the files of an experiment; `metrics.json` comes last, so that its presence means done."""
        folder = place.output_dir
        best = {
            "network": self.spec.as_dict(),
            "target": self.options.target,
            "epoch": self.progress.best_epoch,
            **base_model.packed(self.weights),
        }
        curves = self.curves()
        write_tensors(folder / files.BEST_TARGET_MODEL, best)
        write_json(folder / files.LOSSES, curves)
        write_json(folder / files.HYPERPARAMETERS, self.hyperparameters())
        if not self.options.no_plots:
            forests = {name: one.f1 for name, one in self.baselines.items()}
            title = f"{self.options.target}, {self.options.mode}"
            write_plots(folder, curves, title, forests, place.warned)
        write_json(folder / files.METRICS, self.metrics())

    def curves(self) -> dict[str, list[float]]:
        """Return one value an epoch for base and target training; empty lists for no base model."""
        base = self.base.curves if self.base else base_model.stage_curves("base", None)
        return {**base, **base_model.stage_curves("target", self.progress)}

    def metrics(self) -> dict[str, float | int | None]:
        """Return the figures of the experiment; those of the base model are None where there is none."""
        found = {
            "best_target_val_loss": self.val_scores.loss,
            "best_target_val_loss_epoch": self.progress.best_epoch,
            "best_target_val_f1": self.val_scores.f1,
            "best_target_val_accuracy": self.val_scores.accuracy,
            "transition_epoch": self.base.epochs if self.base else None,
        }
        for model, scores in (("base", self.base_scores), ("target", self.scores)):
            for name in ("loss", "f1", "accuracy"):
                value = getattr(scores, name) if scores else None
                found[f"best_{model}_model_target_test_{name}"] = value
        for model, scores in self.baselines.items():
            found |= {f"baseline_{model}_target_test_{name}": value for name, value in vars(scores).items()}
        return found

    def hyperparameters(self) -> dict[str, Any]:
        """Return the options and what was made of them, as JSON types."""
        return {
            **_told(self.options),
            "target": self.options.target,
            "base_participants": self.options.base_participants if self.base else [],
            "n_classes": self.spec.n_classes,
            "n_channels": self.spec.n_channels,
            "code_version": CODE_VERSION,
        }


def _told(options: PersonalizationOptions) -> dict[str, Any]:
    """Return the options that decide what becomes of a training, as JSON types."""
    values = {name: as_json(value) for name, value in asdict(options).items() if not name.endswith("_dir")}
    del values["keep_state"]
    if options.schedule_epochs is None:
        del values["schedule_epochs"]
    return values


def _load_target(options: PersonalizationOptions, base: BaseModel | None, place: Place) -> dict[str, Windows]:
    n_classes = base.n_classes if base else options.n_classes
    source = Source(place.root / options.data_path, options.window_size, n_classes)
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
    options: PersonalizationOptions, target: Windows, spec: NetworkSpec, place: Place
) -> TrainingSet:
    device = place.device
    if options.mode != FULL_FINE_TUNING:
        return training_set(target.to(device), None, options.batch_size, None, options.epoch_steps)
    source = Source(place.root / options.data_path, options.window_size, spec.n_classes)
    others = source.load_all(options.base_participants, ("train", "val"))
    first = source.path(options.base_participants[0], "train")
    check_channels(first, others, spec.n_channels)
    return training_set(
        target.to(device),
        others.to(device),
        options.batch_size,
        options.target_batch_pct,
        options.epoch_steps,
    )


def _as_base_model(options: PersonalizationOptions, base: BaseModel, place: Place) -> PersonalizationOptions:
    """Return the options for a base model without statistics: what else recipes set is as it was, too."""
    if base.has_statistics or options.inputs == base_model.RAW:
        return options
    dropout, widths = base.network["dropout"], tuple(base.network["hidden_sizes"])
    why = "it was made before there were any, or with --inputs raw"
    kept = f"dropout {dropout} and hidden_sizes {' '.join(map(str, widths))} are its own"
    place.say([f"the base model holds no statistics of its inputs ({why}): inputs stay raw, {kept}"])
    return replace(options, inputs=base_model.RAW, dropout=dropout, hidden_sizes=widths)


def _members(
    options: PersonalizationOptions,
    start: Start,
    networks: Sequence[nn.Module],
    windows: tuple[TrainingSet, Windows],
    report: Report,
) -> list[Trainee]:
    """Return the training of each network on the training windows, watching the validation windows."""
    plan, reports = _checkpoint_plan(options, start.spec, start.place), member_reports(report, len(networks))
    return [
        Trainee(
            network,
            *windows,
            start.schedule(member, windows[0]),
            reports[member],
            member_checkpoint(plan, member),
            start.place.may_go_on,
            start.place.warned,
        )
        for member, network in enumerate(networks)
    ]


def _refitted(start: Start, train: TrainingSet, trained: Sequence[Progress]) -> list[Trainee]:
    """Return trainings on `train` that begin as the first ones did and last for their best epochs."""
    return [
        Trainee(
            start.network(member, train),
            train,
            None,
            replace(start.schedule(member, train), epochs=progress.best_epoch, horizon=None),
            _tell_nobody,
            may_go_on=start.place.may_go_on,
        )
        for member, progress in enumerate(trained)
    ]


def _tell_nobody(epoch: int, epochs: int, **figures: float) -> None:
    """Report to nobody: the epochs of a refit are not those that were announced."""


def _baselines(
    options: PersonalizationOptions, target: dict[str, Windows], spec: NetworkSpec, place: Place
) -> dict[str, Scores]:
    if not options.baseline:
        return {}
    known = concatenate((target["train"], target["val"]))
    try:
        return baselines(known, target["test"], spec.n_classes, options.seed)
    except ImportError:
        place.say(["no baselines: scikit-learn is not installed here"])
        return {}


def _checkpoint_plan(
    options: PersonalizationOptions, spec: NetworkSpec, place: Place
) -> CheckpointPlan | None:
    if place.checkpoint_dir is None:
        return None
    job = replace(options, device="", checkpoint_every=0, no_plots=False)
    # As the network asks for it and not as the flags do: inferred classes may change with the data.
    values = {**_told(job), "network": spec.as_dict(), "code_version": CODE_VERSION}
    return CheckpointPlan(place.checkpoint_dir / files.CHECKPOINT, options.checkpoint_every, values)
