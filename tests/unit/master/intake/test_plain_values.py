"""What the readers of JSON and of YAML agree on."""

from __future__ import annotations

import pytest

from master.errors import ConfigError
from master.intake.plain_values import MAX_DEPTH, Duplicated
from master.intake.strict_json import parse_document


def test_an_object_with_a_key_given_twice_remembers_which() -> None:
    found = Duplicated({"a": 2}, "a")
    assert found == {"a": 2} and found.key == "a"


@pytest.mark.parametrize("source", ["x.json", "x.yaml"])
def test_both_read_as_deep_and_no_deeper(source: str) -> None:
    deepest = "[" * MAX_DEPTH + "]" * MAX_DEPTH
    assert parse_document(deepest, source).value == eval(deepest)
    with pytest.raises(ConfigError, match=f"nested deeper than {MAX_DEPTH} levels"):
        parse_document(f"[{deepest}]", source)
