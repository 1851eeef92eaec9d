from __future__ import annotations

import pytest

from master.errors import ConfigError
from master.intake.strict_json import parse_document
from master.intake.sweeps.entry import Entry, written_entry

DOCUMENT = parse_document('[{"a": 1},\n {"b": 2}, 3]', "jobs.json")


def entry(number: int) -> Entry:
    return written_entry(list(DOCUMENT.root.items())[number - 1], f"job {number}")


def test_defaults_count_less_the_further_away_they_are() -> None:
    job = entry(1).below({"b": 1, "c": 1}).below({"a": 2, "b": 2, "d": 2}).at({"c": 3}, "grid point 4")
    assert job.fields == {"a": 1, "b": 1, "c": 3, "d": 2}
    assert (entry(1).fields, job.place) == ({"a": 1}, "job 1, grid point 4")


def test_what_a_sweep_gave_is_told_from_what_was_set() -> None:
    job = entry(1).at({"c": 3}).at({"d": 4}).with_set({"a": 5})
    assert (job.fields, job.place) == ({"a": 5, "c": 3, "d": 4}, "job 1")
    assert (job.swept, job.asked_for) == ({"c", "d"}, {"a", "c", "d"})


def test_resources_are_added_to_those_of_the_defaults() -> None:
    document = parse_document('{"resources": {"cpus": 2, "priority": 1}}', "jobs.json")
    job = Entry(document, (), "", document.value, {"resources": {"labels": ["a"], "cpus": 8}})
    job = job.below({"resources": {"labels": ["b"], "memory": "1GB"}})
    assert job.fields == {"resources": {"labels": ["a"], "memory": "1GB", "cpus": 2, "priority": 1}}


def test_errors_name_place_and_line() -> None:
    assert str(entry(2).error("b", "is wrong")) == "jobs.json: job 2 (line 2): `b` is wrong"
    with pytest.raises(ConfigError, match=r"job 3 \(line 2\): must be an object"):
        entry(3)
