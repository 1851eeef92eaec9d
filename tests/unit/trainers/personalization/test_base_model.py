"""A base model is read as it was written, or refused with the reason."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from trainers.personalization import base_model, files
from trainers.personalization.errors import BaseModelError
from trainers.personalization.fitting.courses import Progress
from trainers.personalization.networks import NetworkSpec, spec_of
from trainers.personalization.options import PersonalizationOptions, parse
from trainers.personalization.scoring import Scores

OPTIONS = parse(["--fold", "1", "--participants", "a", "b", "c", "--mode", "base_only", "--model", "cnn"])
SPEC = spec_of(OPTIONS, n_channels=2, n_classes=2)


def trained(seed: int) -> tuple[torch.nn.Module, Progress]:
    torch.manual_seed(seed)
    network, progress = SPEC.build(), Progress()
    for loss in (0.5, 0.4, 0.6):
        progress.record(Scores(loss, 0.5, 0.5), Scores(loss, 0.75, 0.875))
    progress.best_weights = {name: value.clone() for name, value in network.state_dict().items()}
    return network, progress


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    networks, progress = zip(*(trained(seed) for seed in (0, 1)), strict=True)
    base_model.write(tmp_path, OPTIONS, SPEC, networks, progress)
    return tmp_path


def job(**changes: object) -> PersonalizationOptions:
    return replace(OPTIONS, mode="full_fine_tuning", **changes)  # type: ignore[arg-type]


def test_it_is_read_as_it_was_written(folder: Path) -> None:
    model = base_model.read(folder, job())
    assert (len(model.weights), model.n_channels, model.n_classes, model.epochs) == (2, 2, 2, 3)
    assert model.participants == ["a", "c"] and model.has_statistics
    assert model.curves["base_val_loss"] == [0.5, 0.4, 0.6]
    base_model.check_shape(folder, model, SPEC)
    metrics = json.loads((folder / files.BASE_METRICS).read_text())
    assert (metrics["best_base_val_loss"], metrics["best_base_val_loss_epoch"], metrics["epochs"]) == (
        0.4,
        2,
        3,
    )


def test_what_was_read_is_shared_by_later_jobs(folder: Path) -> None:
    os.utime(folder / files.BEST_BASE_MODEL, (1, 1))
    one, other = base_model.read(folder, job()), base_model.read(folder, job())
    assert one.weights[0] is other.weights[0]
    network = SPEC.build()
    base_model.load_weights(folder, one, 0, network)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.zero_()
    assert any(bool(tensor.any()) for tensor in other.weights[0].values())


def test_members_begin_again_where_the_job_has_more(folder: Path) -> None:
    model, network = base_model.read(folder, job()), SPEC.build()
    for member in (0, 1, 2, 3):
        base_model.load_weights(folder, model, member, network)
        own = model.weights[member % 2]
        assert all(torch.equal(value, own[name]) for name, value in network.state_dict().items())


def test_equal_trainings_write_equal_bytes(folder: Path, tmp_path: Path) -> None:
    again = tmp_path / "again"
    again.mkdir()
    networks, progress = zip(*(trained(seed) for seed in (0, 1)), strict=True)
    base_model.write(again, OPTIONS, SPEC, networks, progress)
    assert all(path.read_bytes() == (folder / path.name).read_bytes() for path in again.iterdir())


def test_one_of_other_people_is_refused(folder: Path) -> None:
    with pytest.raises(BaseModelError, match="was trained on a c, the job needs a b"):
        base_model.read(folder, job(fold=2))


@pytest.mark.parametrize(
    ("other", "says"),
    [
        (replace(SPEC, n_classes=3), "has n_classes 2, the job asks for 3"),
        (replace(SPEC, inputs="raw"), "has inputs standardised, the job asks for raw"),
    ],
)
def test_one_of_another_shape_is_refused(folder: Path, other: NetworkSpec, says: str) -> None:
    with pytest.raises(BaseModelError, match=says):
        base_model.check_shape(folder, base_model.read(folder, job()), other)


def test_weights_of_another_network_are_refused(folder: Path) -> None:
    model = base_model.read(folder, job())
    with pytest.raises(BaseModelError, match="the weights do not belong to the network"):
        base_model.load_weights(folder, model, 0, torch.nn.Linear(2, 2))


def test_one_that_is_not_whole_is_refused(folder: Path) -> None:
    (folder / files.BASE_LOSSES).write_text("{}")
    with pytest.raises(BaseModelError, match="not a whole base model of this trainer"):
        base_model.read(folder, job())
    (folder / files.BASE_LOSSES).unlink()
    with pytest.raises(BaseModelError, match="no such file; --mode base_only writes it"):
        base_model.read(folder, job())


def test_whatever_decides_the_base_model_is_in_its_configuration(folder: Path) -> None:
    told = json.loads((folder / files.BASE_CONFIG).read_text())
    assert told == base_model.config(OPTIONS, SPEC) and told["participants"] == ["a", "c"]
    assert base_model.config(replace(OPTIONS, seed=9), SPEC) != told


def test_an_experiment_without_a_base_model_has_empty_curves() -> None:
    assert set(map(tuple, base_model.stage_curves("base", None).values())) == {()}
