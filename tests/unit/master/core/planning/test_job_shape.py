"""What fields mean is data: a shape of other words works as that of jobs over participants does."""

from __future__ import annotations

from typing import Any

import pytest

from master.core.planning.identity import base_model_of
from master.core.planning.job_shape import ANY_JOB, JobShape, LeaveOneOut, OutOfRange

PLANTS = LeaveOneOut("plants", "held_out", "n_plants", others="other_plants")
SHAPE = JobShape(
    fine_tuning_fields=frozenset({"mode", "head"}),
    modes={"grow": True, "bloom": False},
    kind_fields=("mode", "size"),
    leave_one_out=PLANTS,
)
JOB: dict[str, Any] = {"plants": ["oak", "ash", "elm"], "held_out": 0, "lr": 1, "mode": "grow", "head": 3}


def test_the_others_identify_under_the_name_that_the_shape_gives_them() -> None:
    base = base_model_of(JOB, "x", shape=SHAPE)
    assert base is not None
    assert base.config == {"lr": 1, "other_plants": ["ash", "elm"], "code": "x"}


def test_a_mode_without_base_model_needs_none_and_an_unknown_one_does() -> None:
    assert base_model_of({**JOB, "mode": "bloom"}, "x", shape=SHAPE) is None
    for mode in ("rest", None, 3, ["bloom"]):
        assert base_model_of({**JOB, "mode": mode}, "x", shape=SHAPE) is not None


def test_where_nothing_is_known_every_field_identifies() -> None:
    base = base_model_of(JOB, "x", shape=ANY_JOB)
    assert base is not None
    assert base.config == {**JOB, "code": "x"}


def test_a_kind_is_the_values_of_its_fields() -> None:
    assert SHAPE.kind_of({"mode": "grow", "size": 3, "lr": 1}) == SHAPE.kind_of({"mode": "grow", "size": "3"})
    assert SHAPE.kind_of({"mode": "grow"}) != SHAPE.kind_of({"mode": "bloom"})
    assert ANY_JOB.kind_of(JOB) == ANY_JOB.kind_of({})


@pytest.mark.parametrize(("count", "others"), [(None, ["ash", "elm"]), ("all", ["ash", "elm"]), (1, ["ash"])])
def test_the_first_others_count(count: Any, others: list[str]) -> None:
    assert PLANTS.others_of({**JOB, "n_plants": count}) == others


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"held_out": 3}, "held_out is 3, allowed are 0 to 2"),
        ({"held_out": -1}, "held_out is -1, allowed are 0 to 2"),
        ({"n_plants": 3}, "n_plants is 3, allowed are 'all' and 1 to 2"),
        ({"n_plants": "few"}, "n_plants is 'few', allowed are 'all' and 1 to 2"),
    ],
)
def test_what_is_out_of_range_is_named(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(OutOfRange, match=message) as caught:
        PLANTS.others_of({**JOB, **wrong})
    assert [caught.value.field] == list(wrong)
