"""What users write of workers and of times."""

from __future__ import annotations

import argparse
from datetime import datetime

import pytest

from master.verbs.workers.words import add_end, end_of, moment

NOON = datetime(2026, 3, 4, 12, 0)


def parsed(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser(exit_on_error=False)
    add_end(parser)
    return parser.parse_args(words)


@pytest.mark.parametrize(
    ("words", "end"),
    [
        (("--for", "2h"), datetime(2026, 3, 4, 14, 0)),
        (("--for", "90"), datetime(2026, 3, 4, 12, 1, 30)),
        (("--until", "18:00"), datetime(2026, 3, 4, 18, 0)),
        (("--until", "8:00"), datetime(2026, 3, 5, 8, 0)),
        (("--until", "12:00"), datetime(2026, 3, 5, 12, 0)),
        (("--until", "2026-12-24T18:00"), datetime(2026, 12, 24, 18, 0)),
    ],
)
def test_an_end_is_a_length_or_a_moment(words: tuple[str, ...], end: datetime) -> None:
    assert end_of(parsed(*words), NOON) == end.timestamp()


def test_without_words_there_is_no_end() -> None:
    assert end_of(parsed(), NOON) == 0.0


@pytest.mark.parametrize("text", ["24:00", "8", "tomorrow", "", "08:60"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        moment(text)


def test_a_length_and_a_moment_exclude_each_other() -> None:
    with pytest.raises(argparse.ArgumentError, match="not allowed with"):
        parsed("--for", "2h", "--until", "18:00")
