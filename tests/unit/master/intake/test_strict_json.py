from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from master.errors import ConfigError
from master.intake.strict_json import parse_document, read_document

REFUSED_JSON = {
    "empty": ("", "", "the file is empty"),
    "blank": (" \n", "", "the file is empty"),
    "cut short": ("[1,\n", "line 2 column 1", "this is not JSON"),
    "trailing comma": (
        "[1,\n2,]",
        "line 2 column",
        "JSON: there is a comma before `]`",
    ),
    "trailing comma of an object": (
        '{"a": 1,\n}',
        "line",
        "JSON: there is a comma before `}`",
    ),
    "two commas": ("[1,,2]", "line 1 column", "this is not JSON: "),
    "comment": ("[1] // one", "line 1 column 5", "this is not JSON"),
    "key twice": ('{"a": 1,\n "b": [{"c": 1,\n "d": 2,\n "c": 3}]}', "b[0].c (line 4)", "`c` is given twice"),
    "NaN": ('{"a":\n[1, NaN]}', "a[1] (line 2)", "NaN, infinite"),
    "infinity": ("[-Infinity]", "[0] (line 1)", "NaN, infinite"),
    "overflow": ("[1e999]", "[0] (line 1)", "NaN, infinite or too large"),
    "64 bits": ("[9223372036854775808]", "[0] (line 1)", "out of range"),
    "minus 64 bits": ("[-9223372036854775809]", "[0] (line 1)", "out of range"),
    "thousands of digits": ("[" + "9" * 10_000 + "]", "[0] (line 1)", "out of range"),
    "surrogate": ('["a\\ud800"]', "[0] (line 1)", "lone surrogate"),
    "surrogate in a key": ('{"\\udc00": 1}', "\\udc00 (line 1)", "lone surrogate"),
    "surrogate in the text": ('["\ud800"]', "", "lone surrogate"),
    "deep": ("[" * 40 + "]" * 40, "[0]", "nested deeper than 32"),
    "very deep": ("[" * 100_000, "", "nested deeper than 32"),
    "control character": ('["a\tb"]', "line 1 column 4", "this is not JSON"),
}


@pytest.mark.parametrize(("text", "place", "says"), REFUSED_JSON.values(), ids=REFUSED_JSON)
def test_json_that_is_not_strict_is_refused(text: str, place: str, says: str) -> None:
    check_refused(text, "file.json", place, says)


def check_refused(text: str, source: str, place: str, says: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_document(text, source)
    assert caught.value.source == source
    assert caught.value.place.startswith(place) and bool(place) == bool(caught.value.place)
    assert says in caught.value.problem
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    ("name", "data", "says"),
    [
        ("latin-1.json", b'{\n"a": "\xe9"}', "line 2: byte 0xe9 is not UTF-8"),
        ("utf-16.json", '{"a": 1}'.encode("utf-16"), "line 1: byte 0xff is not UTF-8"),
    ],
)
def test_other_encodings_are_refused(tmp_path: Path, name: str, data: bytes, says: str) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(ConfigError, match=says):
        read_document(tmp_path / name)


def test_a_byte_order_mark_is_skipped(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(b"\xef\xbb\xbf[1]")
    assert read_document(tmp_path / "a.json").value == [1]


def test_files_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.json: there is no such file"):
        read_document(tmp_path / "none.json")
    with pytest.raises(ConfigError, match="this is a directory"):
        read_document(tmp_path)
    with pytest.raises(ConfigError, match="cannot be read"):
        read_document("a\0b")


JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(JSON_VALUES)
def test_plain_json_is_read_as_it_is(value: Any) -> None:
    assert parse_document(json.dumps(value), "f.json").value == value


@given(JSON_VALUES)
def test_json_written_on_lines_gives_every_place(value: Any) -> None:
    text = json.dumps([None, value], indent=1)
    document = parse_document(text, "f.json")
    assert document.line_of((0,)) == 2
    assert document.line_of((1,)) == 3
    assert document.line_of(("nowhere",)) == 1


@given(st.text(max_size=40))
def test_any_json_text_is_read_or_refused(text: str) -> None:
    assert_read_or_refused(text, "f.json")


@given(st.text(alphabet='[]{}",:0123456789.eE-+ \\ntrufalsNI\n', max_size=40))
def test_any_text_that_looks_like_json_is_read_or_refused(text: str) -> None:
    assert_read_or_refused(text, "f.json")


def assert_read_or_refused(text: str, source: str) -> None:
    try:
        document = parse_document(text, source)
    except ConfigError as error:
        assert str(error).isprintable()
    else:
        assert json.loads(json.dumps(document.value, allow_nan=False).encode()) == document.value
