"""YAML read as if it were JSON."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from master.intake import strict_yaml
from master.intake.strict_json import parse_document
from tests.unit.master.intake.test_strict_json import JSON_VALUES, assert_read_or_refused, check_refused

REFUSED_YAML = {
    "only a comment": ("# nothing", "", "holds no value"),
    "malformed": ("a: [1", "line", "this is not YAML"),
    "tab": ("a:\n\t- b", "line 2 column 1", "this is not YAML"),
    "control character": ("a: \x01", "", "this is not YAML"),
    "key twice": ("a: 1\nb:\n  c: 1\n  c: 2", "line 4 column 3", "`c` is given twice"),
    "key is a number": ("1: 2", "line 1 column 1", "a key must be a string"),
    "key is a list": ("? [a]\n: 2", "line 1 column 3", "a key must be a string"),
    "date": ("a: 2020-01-31", "line 1 column 4", "is a date to some"),
    "time": ("a: 2020-01-31 10:00:00", "line 1 column 4", "is a date to some"),
    "leading zero": ("a: [007]", "line 1 column 5", "octal number"),
    "NaN": ("a: .nan", "a (line 1)", "NaN, infinite"),
    "infinity": ("a:\n - -.inf", "a[0] (line 2)", "NaN, infinite"),
    "overflow": ("a: 1e999", "a (line 1)", "NaN, infinite or too large"),
    "thousands of digits": ("a: " + "9" * 10_000, "a (line 1)", "too large"),
    "hex beyond 64 bits": ("a: 0x10000000000000000", "a (line 1)", "out of range"),
    "object tag": ("a: !!python/object:os.system x", "line 1 column 4", "is not allowed"),
    "binary": ("a: !!binary eA==", "line 1 column 4", "is not allowed"),
    "set": ("!!set {a, b}", "line 1 column 1", "is not allowed"),
    "merge key": ("a: &a {b: 1}\nc:\n  <<: *a", "line 3 column 3", "merge keys"),
    "two documents": ("a: 1\n---\nb: 2", "line 2 column 1", "a second document"),
    "unknown alias": ("a: *b", "line 1 column 4", "no anchor before it"),
    "alias of itself": ("a: &a [*a]", "line 1 column 8", "no anchor before it"),
    "deep": ("[" * 1000, "line 1 column 34", "nested deeper than 32"),
}


@pytest.mark.parametrize(("text", "place", "says"), REFUSED_YAML.values(), ids=REFUSED_YAML)
def test_yaml_that_is_not_plain_is_refused(text: str, place: str, says: str) -> None:
    check_refused(text, "file.yml", place, says)


def test_aliases_may_not_multiply(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(strict_yaml, "MAX_VALUES", 10_000)
    nine = ", ".join(["*a"] * 9)
    lines = ["x: &a [1, 2, 3, 4, 5, 6, 7, 8, 9]", *(f"x{level}: &a [{nine}]" for level in range(8))]
    check_refused("\n".join(lines), "bomb.yaml", "line 5 column", "more than 10,000 values")


def test_aliases_repeat_a_value() -> None:
    assert parse_document("a: &p [x, y]\nb: *p", "f.yaml").value == {"a": ["x", "y"], "b": ["x", "y"]}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("3e-4", 3e-4),
        ("1e3", 1000.0),
        ("1.", 1.0),
        (".5", 0.5),
        ("-12", -12),
        ("0", 0),
        ("0x1F", 31),
        ("0o17", 15),
        ("1_000", "1_000"),
        ("12:30", "12:30"),
        ("yes", "yes"),
        ("off", "off"),
        ("True", True),
        ("false", False),
        ("~", None),
        ("", None),
        ("'3'", "3"),
        ("!!str 3", "3"),
        ('"2020-01-31"', "2020-01-31"),
        ("no way", "no way"),
    ],
)
def test_yaml_scalars_mean_what_yaml_1_2_says(text: str, value: Any) -> None:
    (found,) = parse_document(f"- {text}", "f.yaml").value
    assert (found, type(found)) == (value, type(value))


@given(st.text(alphabet="[]{}\"',:0123456789.e-+ \nab&*!|>?#%<~\t", max_size=40))
def test_any_text_that_looks_like_yaml_is_read_or_refused(text: str) -> None:
    assert_read_or_refused(text, "f.yaml")


@given(JSON_VALUES)
def test_yaml_dumps_are_read_as_they_are(value: Any) -> None:
    text = yaml.safe_dump(value, default_style='"', allow_unicode=False)
    if "!!" not in text:
        assert parse_document(text, "f.yaml").value == value


def test_the_pure_python_loader_reads_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "a: &x [1, 'b', {c: 3e-4}]\nd: *x\n"
    value = parse_document(text, "f.yaml").value
    monkeypatch.setattr(strict_yaml, "_LOADER", yaml.SafeLoader)
    assert parse_document(text, "f.yaml").value == value
    for text, place, says in REFUSED_YAML.values():
        check_refused(text, "file.yml", place.split(" column")[0], says)
