"""Which fields a script is told."""

from __future__ import annotations

import pytest

from master.core.flags.declared import NOTHING_KNOWN, Flag, ScriptFlags
from master.core.planning.passed_fields import passed_fields


def script(*names: str, why: str = "") -> ScriptFlags:
    return ScriptFlags("train.py", {name: Flag(name, f"--{name}") for name in names}, open=why)


CONFIG = {"lr": 1, "prefix": "beta", "timeout": 5}


@pytest.mark.parametrize(
    ("taken", "in_form", "told"),
    [
        (script("lr", "prefix"), False, ["lr", "prefix"]),
        (script("lr", "prefix"), True, ["lr", "prefix"]),
        (script("lr"), False, ["lr"]),
        (script("lr"), True, ["lr"]),
        (NOTHING_KNOWN, False, ["lr"]),
        (NOTHING_KNOWN, True, ["lr", "prefix"]),
    ],
)
def test_a_prefix_is_for_a_script_that_takes_it(taken: ScriptFlags, in_form: bool, told: list[str]) -> None:
    assert list(passed_fields(CONFIG, taken, in_form=in_form)) == told


def test_phase_1_is_told_where_the_script_may_hear_it() -> None:
    first = {"lr": 1, "mode": "base_only"}
    assert passed_fields(first, script("lr"), in_form=False) == {"lr": 1}
    assert passed_fields(first, script("lr", "mode"), in_form=False) == first
    assert passed_fields(first, NOTHING_KNOWN, in_form=False) == first
    assert passed_fields({"mode": "fast"}, script("lr"), in_form=False) == {"mode": "fast"}
