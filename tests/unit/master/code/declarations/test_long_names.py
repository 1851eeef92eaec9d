"""Which long flags a script declares."""

from __future__ import annotations

import pytest

from master.code.declarations.reading import flags_in
from master.code.declarations.text import parsed

ARGPARSE = """
import argparse
parser = argparse.ArgumentParser()
parser.add_argument("data")
parser.add_argument("-l", "--batch-size", type=int)
parser.add_argument("--batch_size")
parser.parse_args()
"""


def flags_of(source: str) -> frozenset[str]:
    return flags_in("the script", [parsed(source)]).long_names


def test_names_stay_as_they_are_declared() -> None:
    assert flags_of(ARGPARSE) == {"batch-size", "batch_size"}


def test_a_script_that_declares_nothing_has_no_flags() -> None:
    assert flags_of("import sys\nprint(sys.argv)\n") == frozenset()


def test_what_is_no_python_cannot_be_read() -> None:
    with pytest.raises(SyntaxError):
        flags_of("new statement")


def test_flags_are_read_as_they_are_declared() -> None:
    source = """
import argparse
p = argparse.ArgumentParser()
p.add_argument("data")
p.add_argument("-e", "--epochs", type=int)
group = p.add_argument_group("more")
group.add_argument("--batch-size", "--batch_size")
add = p.add_argument
add("--lr", default=1e-3)
p.add_argument("--amp", action=argparse.BooleanOptionalAction)
p.add_argument(f"--{x}")
run("--not-a-flag")
text.startswith("--neither")
"""
    assert flags_of(source) == {"epochs", "batch-size", "batch_size", "lr", "amp", "no-amp"}
    assert flags_of("") == frozenset()


@pytest.mark.parametrize("source", ["print 1", "a\0b"])
def test_flags_of_what_is_not_python(source: str) -> None:
    with pytest.raises(SyntaxError):
        flags_of(source)
