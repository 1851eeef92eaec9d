"""What is said of a name that is not known, and how the user's words are quoted."""

import pytest

from master.core.nearest import hint, literal, shown, unknown


@pytest.mark.parametrize(
    ("name", "known", "words"),
    [
        ("timout", {"timeout", "retries"}, "did you mean `timeout`?"),
        ("colour", {"timeout", "retries"}, "allowed are retries, timeout"),
        ("colour", set(), "allowed are none"),
    ],
)
def test_the_nearest_name_is_offered_or_all(name: str, known: set[str], words: str) -> None:
    assert hint(name, known) == words
    assert unknown(name, known) == f"`{name}` is unknown: {words}"


@pytest.mark.parametrize(
    ("given", "quoted"),
    [
        ("lr", "`lr`"),
        ("two\nlines\x1b[2J", r"`two\nlines\x1b[2J`"),
        ("é", r"`\xe9`"),
        ("x" * 61, f"`{'x' * 60}…`"),
    ],
)
def test_what_the_user_wrote_is_one_line_of_ascii(given: str, quoted: str) -> None:
    assert shown(given) == quoted


@pytest.mark.parametrize(("value", "quoted"), [(None, "`null`"), ([1, "a"], '`[1, "a"]`'), (True, "`true`")])
def test_values_are_quoted_as_they_are_written_in_the_file(value: object, quoted: str) -> None:
    assert literal(value) == quoted
