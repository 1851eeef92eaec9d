"""What a job's fields may be."""

from __future__ import annotations

from typing import Any

import pytest

from master.core.planning.identity import BaseModelRule
from master.intake.job_checks import problems

FINE: list[dict[str, Any]] = [
    {"lr": 0.1, "name": "x", "on": True, "nothing": None, "list": [1, "a", None]},
    {"+trainer.lr": 1, "++a-b.c_d": 2, "_note": ["-x"]},
    {"shift": "-x"},
]


@pytest.mark.parametrize("config", FINE)
def test_plain_fields_are_fine(config: dict[str, Any]) -> None:
    assert list(problems(config, BaseModelRule())) == []


WRONG: list[tuple[dict[str, Any], str, str]] = [
    ({"1lr": 1}, "1lr", "is not a field's name"),
    ({"a b": 1}, "a b", "is not a field's name"),
    ({"+++lr": 1}, "+++lr", "is not a field's name"),
    ({"x" * 101: 1}, "x" * 101, "100 at most"),
    ({"code": 1}, "code", "is a name that is kept for the identity of base models"),
    ({"lr": {"a": 1}}, "lr", "is an object"),
    ({"lr": [{"a": 1}]}, "lr", "is an object"),
    ({"lr": [[1]]}, "lr", "is a list of lists"),
    ({"lr": "a\0b"}, "lr", "holds a NUL character"),
    ({"lr": ["a", "--x"]}, "lr", "which a script would take for a flag"),
    ({"mode": "base_only"}, "mode", "the jobs that train base models are generated"),
]


@pytest.mark.parametrize(("config", "field", "says"), WRONG, ids=lambda value: str(value)[:30])
def test_what_is_wrong_is_told_of_its_field(config: dict[str, Any], field: str, says: str) -> None:
    name, problem = next(iter(problems(config, BaseModelRule())))
    assert name == field and says in problem
