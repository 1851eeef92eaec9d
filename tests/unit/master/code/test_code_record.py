"""What is remembered of code, and how it is told what has changed."""

from __future__ import annotations

import json

import pytest

from master.code.code_record import CodeChanges, CodeRecord, changes, identity_of, listed


def record(entry: str = "train.py", files: str = "", others: str = "") -> CodeRecord:
    """Return a record of files written as `name:digest`."""
    found = [dict(item.split(":") for item in text.split()) for text in (files, others)]
    return CodeRecord(identity_of(entry, found[0]), entry, *found)


def test_a_script_alone_is_known_by_its_bytes_whatever_it_is_called() -> None:
    assert identity_of("train.py", {"train.py": "1"}) == "script:1" == identity_of("a/b.py", {"a/b.py": "1"})


def test_every_file_of_a_program_counts_with_its_place() -> None:
    whole = {"train.py": "1", "helper.py": "2"}
    identities = {
        identity_of("train.py", files)
        for files in (
            whole,
            {**whole, "helper.py": "3"},
            {**whole, "model.py": "4"},
            {"train.py": "1", "helpers.py": "2"},
            {"train.py": "2", "helper.py": "1"},
        )
    }
    assert len(identities) == 5
    assert all(identity.startswith("code:") for identity in identities)


def test_what_is_started_counts_where_two_programs_are_of_the_same_files() -> None:
    files = {"a.py": "1", "b.py": "2"}
    assert identity_of("a.py", files) != identity_of("b.py", files)


def test_where_the_project_begins_does_not_count() -> None:
    inside = identity_of("train.py", {"train.py": "1", "lib/x.py": "2"})
    assert identity_of("src/train.py", {"src/train.py": "1", "src/lib/x.py": "2"}) == inside


def test_a_name_in_any_bytes_has_an_identity() -> None:
    assert identity_of("run.sh", {"run.sh": "1", "caf\udce9.txt": "2"}).startswith("code:")


def test_changes_are_told_by_name() -> None:
    before = record(files="train.py:1 helper.py:2 old.py:3", others="README:4 notes:5")
    after = record(files="train.py:1 helper.py:9 model.py:3", others="README:6 notes:5")
    assert changes(before, after) == CodeChanges(
        ("helper.py", "model.py (new)", "old.py (gone)"), ("README",)
    )
    assert not changes(before, before)


def test_what_becomes_a_part_of_the_program_without_a_change_is_no_change() -> None:
    assert not changes(record(others="x.py:1"), record(files="x.py:1"))


def test_names_are_those_of_the_project_as_it_is_now() -> None:
    after = record("src/train.py", "src/train.py:1 src/helper.py:9", "README:1")
    found = changes(record(files="train.py:1 helper.py:2"), after)
    assert found == CodeChanges(("src/helper.py",), ("README (new)",))


def test_a_record_survives_json() -> None:
    one = record(files="train.py:1 a.py:2", others="README:3")
    assert CodeRecord.from_json(json.loads(json.dumps(one.as_json()))) == one


@pytest.mark.parametrize(
    "value",
    [
        None,
        [],
        {},
        {"identity": "x"},
        {**record().as_json(), "files": ["a"]},
        {**record().as_json(), "entry": 1},
        {**record().as_json(), "others": {"a": 1}},
    ],
)
def test_what_is_no_record_is_none(value: object) -> None:
    assert CodeRecord.from_json(value) is None


def test_many_names_are_counted() -> None:
    assert listed(["b", "a"]) == "a, b"
    assert listed([str(number) for number in range(8)]) == "0, 1, 2, 3, 4 and 3 more"
