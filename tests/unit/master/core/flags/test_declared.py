"""Which flag a field means."""

from __future__ import annotations

import pytest

from master.core.flags.declared import NOTHING_KNOWN, Flag, ScriptFlags


def script(*names: str, **more: object) -> ScriptFlags:
    flags = {name: Flag(name, f"--{name}") for name in names}
    return ScriptFlags("train.py", flags, **{"open": "", **more})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("field", "spelling"),
    [("batch-size", "--batch-size"), ("batch_size", "--batch-size"), ("LR", "--lr"), ("lr", "--lr")],
)
def test_a_field_is_the_flag_of_its_name_however_it_is_spelled(field: str, spelling: str) -> None:
    flag = script("batch-size", "lr").find(field)
    assert flag is not None and flag.spelling == spelling


def test_the_exact_name_goes_before_others() -> None:
    both = script("batch-size", "batch_size")
    assert [flag.spelling for name in ("batch-size", "batch_size") if (flag := both.find(name))] == [
        "--batch-size",
        "--batch_size",
    ]
    assert (both.find("Batch-Size"), "write `batch-size` or `batch_size`" in both.unknown("Batch-Size")) == (
        None,
        True,
    )


def test_an_unknown_flag_is_told_with_the_nearest() -> None:
    assert script("lr", "epochs").unknown("epoch") == "is no flag of train.py: did you mean `epochs`?"
    assert script("lr").unknown("momentum") == "is no flag of train.py: allowed are lr"


def test_what_may_take_more_refuses_nothing() -> None:
    assert script("lr", open="it calls parse_known_args").unknown("lrr") == ""
    assert (NOTHING_KNOWN.find("lr"), NOTHING_KNOWN.unknown("lr")) == (None, "")


def test_where_spelling_counts_it_counts() -> None:
    exact = script("batch_size", is_exact=True)
    assert exact.find("batch-size") is None
    assert "did you mean `batch_size`" in exact.unknown("batch-size")
