from __future__ import annotations

import pytest

from master.core.planning.id_template import (
    filled,
    is_template,
    missing_problem,
    name_problem,
    template_problem,
)


def test_a_template_holds_fields() -> None:
    assert is_template("{model}/{lr}-{seed}") and not is_template("plain") and not is_template(3)
    assert filled("{model}/{lr}-{seed}", {"model": "vit", "lr": 1e-3, "seed": 2, "x": 1}) == "vit/1e-3-2"
    with pytest.raises(KeyError, match="seed"):
        filled("{lr}-{seed}", {"lr": 1})


@pytest.mark.parametrize("text", ["{a}", "x-{a.b}_{c-d}", "{a}{b}", "x/{a}"])
def test_a_sound_template_has_no_problem(text: str) -> None:
    assert template_problem(text) == ""


@pytest.mark.parametrize(
    "text", ["{a", "{}", "{a b}", "{a} {b}", "{{a}}", "{a}}", "é{a}", "{0}", "{a!r}", "{a:x}"]
)
def test_what_is_none_is_told(text: str) -> None:
    assert template_problem(text)


def test_a_field_that_is_missing_is_told() -> None:
    assert "no job has such a field: did you mean `model`?" in missing_problem("modle", ["model"])
    assert "this job has no such field" in missing_problem("lr", ["lr"])


@pytest.mark.parametrize("name", ["a//b", "", ".a", "-a", "a/", "/a", "a/.b", f"{'x' * 101}/a"])
def test_what_a_template_makes_must_be_an_id(name: str) -> None:
    assert name_problem(name)
    assert name_problem("a/b-1") == ""
