"""Settings as the rows that they mean."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import cast

import numpy as np

from trainers.common.errors import BadInput
from trainers.tabular.data.dataset import Dataset, Problem
from trainers.tabular.data.features import FeatureRules
from trainers.tabular.data.loading import Source
from trainers.tabular.data.outcomes import Asked
from trainers.tabular.data.reading.files import find_files
from trainers.tabular.data.schema import Schema, Valid
from trainers.tabular.data.splits import How, SplitOptions
from trainers.tabular.data.targets import TRANSFORMS, Transform
from trainers.tabular.request import Request
from trainers.tabular.settings import TREES, Settings


def source_of(request: Request) -> Source:
    """Return the rows of a request; BadInput where files or columns are not said or not there."""
    settings = request.settings
    if not request.data:
        raise BadInput("--data FILE is needed: the table to learn from")
    if not settings.targets:
        raise BadInput("--targets COLUMN is needed: what to predict")
    without, only = settings.without_groups, settings.only_groups
    if request.target_group is not None:
        without = (*without, request.target_group) if request.is_base else without
        only = only if request.is_base else (request.target_group,)
    return Source(
        files=find_files(request.data, request.tree, settings.n_datasets, root=request.root),
        schema=schema_of(settings),
        split=split_of(settings),
        problem=cast(Asked, settings.problem),
        viability=settings.viability,
        rules=FeatureRules(settings.missing, settings.infinite, settings.constant),  # type: ignore[arg-type]
        n_samples=settings.n_samples,
        without_groups=without,
        only_groups=only,
    )


def schema_of(settings: Settings) -> Schema:
    """Return what the columns are for; BadInput where a valid range is of no target."""
    valid = dict(map(_valid, settings.valid))
    others = [name for name in valid if name not in settings.targets]
    if others:
        raise BadInput(f"--valid {', '.join(others)}: no target; they are {', '.join(settings.targets)}")
    return Schema(
        targets=settings.targets,
        features=settings.features,
        categorical=settings.categorical,
        exclude=settings.exclude,
        group=settings.group,
        time=settings.time,
        split=settings.split_column,
        valid=valid,
    )


def split_of(settings: Settings) -> SplitOptions:
    """Return how rows are divided."""
    how = cast(How, settings.split)
    return SplitOptions(how, settings.val_share, settings.test_share, settings.split_seed, settings.folds)


def transforms_of(words: Sequence[str], targets: Sequence[str]) -> tuple[Transform, ...]:
    """Return the transform of each target: one for all, or those of `target=transform`, the rest none."""
    found = dict.fromkeys(targets, "none")
    for word in words:
        name, equals, kind = word.rpartition("=")
        if kind not in TRANSFORMS:
            raise BadInput(f"--target-transform {word}: must be of {', '.join(TRANSFORMS)}")
        if equals and name not in found:
            raise BadInput(f"--target-transform {word}: {name!r} is no target; they are {', '.join(targets)}")
        found.update({name: kind} if equals else dict.fromkeys(targets, kind))
    return tuple(cast(Transform, kind) for kind in found.values())


def transform_notes(settings: Settings, problem: Problem) -> tuple[str, ...]:
    """Tell which models do not follow `--target-transform`; BadInput where classes are predicted."""
    words = [word for word in settings.target_transform if word != "none"]
    if not any(kind != "none" for kind in transforms_of(words, problem.targets)):
        return ()
    flag = f"--target-transform {' '.join(words)}"
    if problem.kind != "regression":
        raise BadInput(
            f"{flag}: {problem.targets[0]} is a {problem.kind} target, not an amount; leave it out"
        )
    trees = [name for name in settings.models if name in TREES]
    return (f"{flag} is not for {', '.join(trees)}, which learn targets as they are",) if trees else ()


def digest_of(dataset: Dataset) -> str:
    """Return what recognises the rows of a dataset, wherever their files lie."""
    digest = hashlib.sha256(b"tabular-rows\0")
    for part in (dataset.train, dataset.val, dataset.test):
        for array in (part.numeric, part.categories, part.targets):
            digest.update(str(tuple(array.shape)).encode() + np.ascontiguousarray(array.numpy()).tobytes())
    for fold in dataset.folds:
        digest.update(np.ascontiguousarray(fold.val.numpy()).tobytes())
    return digest.hexdigest()


def _valid(word: str) -> tuple[str, Valid]:
    name, equals, text = word.partition("=")
    if not equals:
        raise BadInput(f"--valid {word}: must be like TARGET=0..1")
    return name, Valid.parsed(text)
