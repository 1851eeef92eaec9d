"""What the user is told of flags."""

from __future__ import annotations

from master.core.flags.declared import NOTHING_KNOWN, Flag, ScriptFlags
from master.core.flags.notes import flag_notes

OPEN = ScriptFlags("train.py", {"epochs": Flag("epochs", "--epochs")}, open="it calls parse_known_args")


def test_what_is_let_through_is_told_once_with_the_nearest_name() -> None:
    (note,) = flag_notes([{"epochs": 1, "epoch": 2, "x": 3}, {"x": 4}], OPEN)
    assert note == (
        "epoch (did you mean epochs?), x of train.py: let through without a check,"
        " for it calls parse_known_args"
    )


def test_nothing_is_told_where_all_is_known() -> None:
    assert list(flag_notes([{"epochs": 1}], OPEN)) == []


def test_a_false_that_is_dropped_is_told() -> None:
    _, note = flag_notes([{"shuffle": False}], NOTHING_KNOWN)
    assert note.startswith("shuffle: false tells the script nothing")


def test_of_many_fields_the_first_are_named() -> None:
    (note,) = flag_notes([{f"f{n}": n for n in range(9)}], NOTHING_KNOWN)
    assert note.startswith("f0, f1, f2, f3, f4 and 4 more of the script: let through")
