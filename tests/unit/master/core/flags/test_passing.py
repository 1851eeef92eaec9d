"""A job's fields as a command line."""

from __future__ import annotations

import pytest

from master.core.flags.declared import NOTHING_KNOWN, Flag, ScriptFlags, Takes
from master.core.flags.passing import arguments, dropped, is_passed, let_through, problems

SCRIPT = ScriptFlags(
    "train.py",
    {
        "batch-size": Flag("batch_size", "--batch-size"),
        "amp": Flag("amp", "--amp", Takes.NOTHING, on=("--amp",)),
        "no-amp": Flag("amp", "--no-amp", Takes.NOTHING, on=("--no-amp",), off=()),
        "out": Flag("out", "", place=1),
        "data": Flag("data", "", Takes.MANY, place=0),
    },
    open="",
)


def test_fields_become_flags_and_words_without_flag_come_last() -> None:
    config = {"out": "o", "batch_size": 4, "data": ["-a", "b"], "_note": 1, "amp": None}
    assert arguments(config, SCRIPT) == ["--batch-size", "4", "--", "-a", "b", "o"]
    assert arguments({}, SCRIPT) == []


@pytest.mark.parametrize(
    ("config", "field", "problem"),
    [
        ({"batch-siez": 4}, "batch-siez", "is no flag of train.py: did you mean `batch-size`?"),
        ({"batch-siez": None}, "batch-siez", "is no flag of train.py: did you mean `batch-size`?"),
        ({"amp": "yes"}, "amp", 'is `"yes"`, but --amp takes no value: allowed are true and false'),
        (
            {"batch_size": 4, "batch-size": 8},
            "batch-size",
            "is one with `batch_size`: both are --batch-size of train.py",
        ),
        ({"out": "o"}, "out", "stands behind `data` in the command of train.py: give both"),
        ({"amp": True, "no-amp": True}, "no-amp", "is one with `amp`: both are --no-amp of train.py"),
    ],
)
def test_what_the_script_would_refuse_is_refused(config: dict[str, object], field: str, problem: str) -> None:
    assert list(problems(config, SCRIPT)) == [(field, problem)]


def test_what_is_not_passed_is_no_problem() -> None:
    assert list(problems({"_x": 1, "amp": None, "no-amp": True}, SCRIPT)) == []
    assert [is_passed("a", value) for value in (None, [], False, 0)] == [False, False, True, True]
    assert not is_passed("_a", 1)


def test_what_leaves_no_trace_and_what_is_not_known_are_told() -> None:
    config = {"amp": False, "no-amp": False, "other": False, "_x": False}
    assert list(dropped(config, SCRIPT)) == ["amp", "other"]
    assert list(let_through(config, SCRIPT)) == ["other"]
    assert list(let_through({"a": 1, "b": None}, NOTHING_KNOWN)) == ["a"]
