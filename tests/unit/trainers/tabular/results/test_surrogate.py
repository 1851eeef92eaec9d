"""A saved model that is called."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.unit.trainers.tabular.results import saved_models
from trainers.common.errors import BadInput
from trainers.tabular.data.categories import Vocabulary
from trainers.tabular.data.dataset import Kind
from trainers.tabular.evaluation.classification import log_loss, tempered
from trainers.tabular.models.registry import load
from trainers.tabular.results.predictions import Classes, Values
from trainers.tabular.results.saved import Calibration
from trainers.tabular.results.surrogate import Surrogate, calibrated, evaluated


def columns(count: int = 20) -> dict[str, object]:
    """Return a table with one column more than the models have."""
    random = np.random.default_rng(3)
    return {
        "id": np.arange(count),
        "kind": [["x", "y", None, "new"][row % 4] for row in range(count)],
        **{name: random.gamma(2.0, size=count) for name in ("age", "length", "weight")},
    }


def test_columns_are_found_by_name_and_give_what_rows_give() -> None:
    surrogate, table = Surrogate(saved_models.saved_model()), columns()
    found = surrogate.predict(table)
    assert isinstance(found, Values) and found.mean.shape == (20, 2) and found.targets == ("mass", "rate")
    rows, notes = surrogate.rows(table)
    assert rows.categories[:4, 0].tolist() == [1, 2, 0, 0]
    assert rows.numeric[:, 0].tolist() == pytest.approx(table["length"])
    assert (surrogate.predict_rows(rows).mean == found.mean).all()
    assert notes == ("categories that no training row has, taken as unknown: kind 5",)


def test_booleans_are_categories_or_amounts_as_in_training() -> None:
    made = saved_models.saved_model()
    model = replace(made, vocabulary=Vocabulary({"kind": ("false", "true")}))
    table = {**columns(4), "kind": np.array([True, False, True, False]), "age": np.array([True, False] * 2)}
    rows, notes = Surrogate(model).rows(table)
    assert rows.categories[:, 0].tolist() == [2, 1, 2, 1] and notes == ()
    assert rows.numeric[:, made.spec.columns.numeric.index("age")].tolist() == [1, 0, 1, 0]


def test_missing_amounts_are_filled_in_and_told() -> None:
    surrogate, table = Surrogate(saved_models.saved_model()), columns()
    table["age"] = [math.nan, *table["age"][1:]]  # type: ignore[index]
    notes = surrogate.rows(table)[1]
    assert "missing, filled by the median of training rows: age 1" in notes
    assert np.isfinite(surrogate.predict(table).mean).all()  # type: ignore[union-attr]


def test_a_table_of_other_columns_is_refused_with_what_is_missing_and_what_is_new() -> None:
    table = columns()
    del table["age"], table["kind"]
    with pytest.raises(BadInput, match="missing here age, kind; new here id; give it a table with all 4"):
        Surrogate(saved_models.saved_model()).predict(table)


def test_infinite_amounts_are_what_they_were_in_training() -> None:
    table = columns()
    table["age"] = [math.inf, *table["age"][1:]]  # type: ignore[index]
    model = replace(saved_models.saved_model(), settings={"settings": {"infinite": "missing"}})
    assert "missing, filled by the median of training rows: age 1" in Surrogate(model).rows(table)[1]
    with pytest.raises(BadInput, match="the first in row 1; the model has learned of none"):
        Surrogate(saved_models.saved_model()).rows(table)


@pytest.mark.parametrize(
    ("name", "values", "complaint"),
    [
        ("age", ["old"] * 20, "column 'age': row 1 is 'old', no number"),
        ("age", [1.0] * 19 + [math.inf], "column 'age': 1 infinite values"),
        ("age", [1.0], "columns are of different lengths: 1, 20"),
    ],
)
def test_values_that_cannot_be_used_are_refused(name: str, values: list[object], complaint: str) -> None:
    with pytest.raises(BadInput, match=complaint):
        Surrogate(saved_models.saved_model()).predict({**columns(), name: values})  # type: ignore[dict-item]


def test_members_speak_in_the_units_of_the_targets() -> None:
    model = saved_models.saved_model(transform="log", folds=(0, 1))
    rows = saved_models.rows(30, 9)
    found = Surrogate(model).members(rows).values
    for number, member in enumerate(model.members):
        statistics = model.statistics[number]
        prepared = statistics.inputs.apply(rows.numeric)
        raw = load(model.spec, member.state)(prepared, rows.categories).detach()
        assert found[number] == pytest.approx(statistics.targets.invert(raw).numpy(), rel=1e-5)  # type: ignore[union-attr]
    assert Surrogate(model).members(rows, [1]).values == pytest.approx(found[1:])


@pytest.mark.parametrize("kind", ["binary", "multiclass"])
def test_probabilities_are_averaged_and_tempered(kind: Kind) -> None:
    of = saved_models.problem(kind)
    model = replace(saved_models.saved_model("mlp", of), calibration=Calibration(temperature=2.0))
    rows = saved_models.rows(30, 1, of)
    surrogate = Surrogate(model)
    each = surrogate.members(rows).values
    assert each.shape == (2, 30, len(of.classes)) and each.sum(-1) == pytest.approx(np.ones((2, 30)))
    found = surrogate.predict_rows(rows)
    assert isinstance(found, Classes)
    assert found.probabilities == pytest.approx(tempered(each.mean(0), 2.0))
    table = found.columns()
    assert list(table) == ["sort", *(f"sort_p_{name}" for name in of.classes)]
    assert table["sort"][0] == of.classes[found.probabilities[0].argmax()]


def test_the_logit_of_two_classes_is_of_the_second() -> None:
    of = saved_models.problem("binary")
    model = saved_models.saved_model("mlp", of, folds=(0,))
    rows = saved_models.rows(10, 1, of)
    raw = load(model.spec, model.members[0].state)(
        model.statistics[0].inputs.apply(rows.numeric), rows.categories
    )
    expected = raw[:, 0].sigmoid().tolist()
    assert Surrogate(model).members(rows).values[0, :, 1].tolist() == pytest.approx(expected)


def test_a_viability_head_tells_how_likely_a_row_has_targets() -> None:
    of = saved_models.problem(viability=True)
    found = Surrogate(saved_models.saved_model("mlp", of)).predict_rows(saved_models.rows(10, 1, of))
    assert isinstance(found, Values) and found.viable is not None
    assert found.viable.shape == (10,) and (found.viable > 0).all() and (found.viable < 1).all()
    assert list(found.columns()) == ["mass", "mass_spread", "rate", "rate_spread", "viable"]


def test_intervals_of_a_calibrated_model_hold_the_calibration_rows() -> None:
    held_out = saved_models.rows(199, 4)
    held_out.targets[3] = torch.nan
    model = calibrated(saved_models.saved_model(), [held_out])
    found = Surrogate(model).predict_rows(held_out)
    assert isinstance(found, Values)
    low, high = found.intervals[0.90]
    truth = held_out.targets.numpy()
    assert np.nanmean(np.where(np.isnan(truth), np.nan, (truth >= low) & (truth <= high))) == pytest.approx(
        0.90, abs=0.01
    )
    assert {"mass_low_90", "mass_high_90", "rate_low_68"} <= found.columns().keys()


def test_the_rows_of_a_fold_are_predicted_by_its_own_members() -> None:
    model = saved_models.saved_model(folds=(0, 1, 1))
    parts = [saved_models.rows(50, 4), saved_models.rows(70, 5)]
    surrogate = Surrogate(model)
    own = surrogate.members(parts[0]).values[0], surrogate.members(parts[1]).values[1:].mean(0)
    errors = np.abs(np.concatenate(own) - np.concatenate([part.targets.numpy() for part in parts]))
    conformal = calibrated(model, parts).calibration.conformal
    assert conformal is not None
    assert conformal.half(0.90) == pytest.approx(np.sort(errors, 0)[math.ceil(121 * 0.9) - 1])


def test_the_temperature_of_a_calibrated_model_is_no_worse_on_the_calibration_rows() -> None:
    of = saved_models.problem("multiclass")
    held_out = saved_models.rows(100, 4, of)
    model = saved_models.saved_model(of=of)
    after = calibrated(model, [held_out])
    truth = held_out.targets.numpy()
    losses = [log_loss(truth, Surrogate(one).predict_rows(held_out).probabilities) for one in (model, after)]  # type: ignore[union-attr]
    assert losses[1] < losses[0] and after.calibration.conformal is None


def test_without_rows_to_calibrate_with_there_are_no_intervals() -> None:
    model = calibrated(saved_models.saved_model(), [saved_models.rows(5).take(torch.arange(0))])
    assert model.calibration == Calibration()
    found = Surrogate(model).predict_rows(saved_models.rows(5))
    assert isinstance(found, Values) and found.intervals == {}


def test_batches_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    model = saved_models.saved_model("mlp", folds=(0,))
    network = load(model.spec, model.members[0].state)
    rows = saved_models.rows(25, 2)
    inputs = model.statistics[0].inputs.apply(rows.numeric), rows.categories
    whole = evaluated(network, *inputs)
    monkeypatch.setattr("trainers.tabular.results.surrogate.BATCH", 7)
    assert torch.allclose(evaluated(network, *inputs), whole, atol=1e-6)
