"""Models on disk."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.unit.trainers.tabular.results import saved_models
from trainers.common.errors import BadInput
from trainers.tabular.evaluation.conformal import Conformal
from trainers.tabular.results.saved import DESCRIPTION, WEIGHTS, Calibration, load_model, save_model
from trainers.tabular.results.surrogate import Surrogate


@pytest.mark.parametrize("name", saved_models.SMALL)
@pytest.mark.parametrize("kind", ["regression", "multiclass"])
def test_a_model_predicts_the_same_once_it_is_read(tmp_path: Path, name: str, kind: str) -> None:
    of = saved_models.problem(kind)  # type: ignore[arg-type]
    model = saved_models.saved_model(name, of)
    save_model(tmp_path, model)
    rows = saved_models.rows(30, 5, of)
    before, after = Surrogate(model).members(rows).values, Surrogate.load(tmp_path).members(rows).values
    assert (before == after).all() and np.ptp(before) > 0
    assert sorted(path.name for path in tmp_path.iterdir()) == [DESCRIPTION, WEIGHTS]


def test_everything_that_a_prediction_needs_is_kept(tmp_path: Path) -> None:
    model = saved_models.saved_model(transform="quantile", folds=(0, 1, 1))
    calibration = Calibration(Conformal.fit(np.random.rand(40, 2), np.zeros((40, 2))), 1.5)
    save_model(tmp_path, replace(model, calibration=calibration))
    found = load_model(tmp_path)
    assert found.spec == model.spec and found.vocabulary == model.vocabulary
    assert found.settings == {"epochs": 3}
    assert [(one.seed, one.fold) for one in found.members] == [(0, 0), (1, 1), (2, 1)]
    assert found.calibration.to_json() == calibration.to_json()
    assert [one.to_json() for one in found.statistics] == [one.to_json() for one in model.statistics]
    for one, other in zip(found.members, model.members, strict=True):
        assert one.state.keys() == other.state.keys()
        assert all(torch.equal(one.state[key], other.state[key]) for key in one.state)


def test_a_folder_without_a_model_is_refused() -> None:
    with pytest.raises(BadInput, match=r"model\.json: missing"):
        load_model(Path("/nowhere"))


def test_a_description_of_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / DESCRIPTION).write_text('{"format": "other"}')
    with pytest.raises(BadInput, match=r"model\.json: not a saved model of tables"):
        load_model(tmp_path)


@pytest.mark.parametrize(
    ("key", "value", "complaint"),
    [
        ("statistics", None, "lacks or has a wrong 'statistics'"),
        ("model", "forest", "model 'forest'; known are"),
        ("members", [{"seed": 0, "fold": 7}], "fold of a member"),
        ("members", [], "has no weights of member 0"),
        ("members", [{"seed": 0, "fold": 0}] * 3, "has no weights of member 2"),
        ("columns", {"numeric": []}, "lacks or has a wrong 'categorical'"),
        ("vocabulary", {}, "wrong vocabulary: it is of other columns"),
        ("sizes", [], "wrong sizes: they must be numbers by their names"),
        ("sizes", {"hidden": "many"}, "wrong sizes: they must be numbers"),
    ],
)
def test_a_description_that_was_changed_is_refused_by_what_is_wrong(
    tmp_path: Path, key: str, value: object, complaint: str
) -> None:
    save_model(tmp_path, saved_models.saved_model())
    path = tmp_path / DESCRIPTION
    described = json.loads(path.read_text())
    described[key] = value
    path.write_text(json.dumps({name: one for name, one in described.items() if one is not None}))
    with pytest.raises(BadInput, match=complaint):
        load_model(tmp_path)


def test_weights_that_were_cut_short_are_refused(tmp_path: Path) -> None:
    save_model(tmp_path, saved_models.saved_model())
    path = tmp_path / WEIGHTS
    path.write_bytes(path.read_bytes()[:-4])
    with pytest.raises(BadInput, match=r"weights\.safetensors: missing, truncated"):
        load_model(tmp_path)


def test_weights_of_other_sizes_are_refused(tmp_path: Path) -> None:
    save_model(tmp_path, saved_models.saved_model())
    path = tmp_path / DESCRIPTION
    path.write_text(path.read_text().replace('"hidden": 16', '"hidden": 17'))
    with pytest.raises(BadInput, match="these weights are of another realmlp"):
        Surrogate.load(tmp_path)
