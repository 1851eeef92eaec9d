"""Fields as flags of which the name alone is known."""

from __future__ import annotations

from typing import Any

import pytest

from master.core.flags.declared import Style
from master.core.flags.undeclared import hydra_value, is_dropped, undeclared


@pytest.mark.parametrize(
    ("value", "separate", "joined", "bare"),
    [
        (0.1, ["--a.b", "0.1"], ["--a.b=0.1"], ["a.b=0.1"]),
        ("x", ["--a.b", "x"], ["--a.b=x"], ["a.b=x"]),
        (True, ["--a.b"], ["--a.b=true"], ["a.b=true"]),
        (False, [], ["--a.b=false"], ["a.b=false"]),
        ([1, "x"], ["--a.b", "1", "x"], ['--a.b=[1, "x"]'], ["a.b=[1,x]"]),
        (None, [], [], []),
    ],
)
def test_each_style_has_its_form(value: Any, separate: list[str], joined: list[str], bare: list[str]) -> None:
    styles = (Style.SEPARATE, Style.JOINED, Style.BARE)
    assert [undeclared("a.b", value, style) for style in styles] == [separate, joined, bare]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("data/a.pt", "data/a.pt"),
        ("1", "'1'"),
        ("true", "'true'"),
        ("it's", r"'it\'s'"),
        ("a, b", "'a, b'"),
        ("", "''"),
    ],
)
def test_text_is_quoted_where_hydra_would_read_something_else(value: str, text: str) -> None:
    assert hydra_value(value) == text


def test_a_false_is_dropped_where_flags_are_switches() -> None:
    assert [is_dropped(False, style) for style in (Style.SEPARATE, Style.JOINED, Style.BARE)] == [
        True,
        False,
        False,
    ]
    assert not is_dropped(True, Style.SEPARATE)
