"""Why base models are trained again."""

from __future__ import annotations

from typing import Any

from master.code.code_record import CodeRecord
from master.code.former_code import CodeReport, report_on
from master.specs import BaseModelSpec

THEN = CodeRecord("code:1", "train.py", {"train.py": "1", "helper.py": "1"}, {"README.md": "1"})
NOW = CodeRecord("code:2", "train.py", {"train.py": "1", "helper.py": "2"}, {"README.md": "2"})


def wanted(spec_hash: str, code: str = "code:2", **fields: Any) -> BaseModelSpec:
    return BaseModelSpec(spec_hash, {**fields, "code": code})


def stored(spec_hash: str, code: CodeRecord | None, pinned: str = "", **fields: Any) -> dict[str, Any]:
    identity = pinned or (code.identity if code else "script:0")
    manifest = {"spec_hash": spec_hash, "config": {**fields, "code": identity}}
    return {**manifest, "code": code.as_json()} if code else manifest


def test_a_base_model_of_other_code_is_trained_again_because_of_the_files_that_changed() -> None:
    store = [stored("old a", THEN, lr=1), stored("old b", THEN, lr=2), stored("other", THEN, lr=9)]
    report = report_on(NOW, [wanted("a", lr=1), wanted("b", lr=2), wanted("c", lr=3)], [], store)
    why = "helper.py changed since the one in the store was made"
    assert report == CodeReport({"a": why, "b": why}, (f"2 base models are trained again: {why}",))


def test_the_newest_of_them_is_compared() -> None:
    older = {**stored("old", NOW, lr=1), "trained_at": 1.0}
    newer = {**stored("new", THEN, lr=1), "trained_at": 2.0}
    (why,) = report_on(NOW, [wanted("a", lr=1)], [], [newer, older]).retrained.values()
    assert why.startswith("helper.py changed since the one in the store was made (1970-01-0")


def test_of_a_manifest_without_a_record_only_the_fact_is_known() -> None:
    (why,) = report_on(NOW, [wanted("a", lr=1)], [], [stored("old", None, lr=1)]).retrained.values()
    assert "by other code, of which its manifest tells no files" in why
    assert report_on(NOW, [], [stored("old", None)], []).notes == ()


def test_another_code_version_is_told_as_such() -> None:
    store = [stored("old", NOW, "pinned:1", lr=1)]
    (why,) = report_on(NOW, [wanted("a", "pinned:2", lr=1)], [], store).retrained.values()
    assert why.endswith("under another `code_version`")


def test_a_damaged_one_is_no_matter_of_the_code() -> None:
    assert report_on(NOW, [wanted("a", lr=1)], [], [stored("a", NOW, lr=1)]) == CodeReport()


def test_what_else_changed_since_is_told_of_those_that_are_used() -> None:
    with_readme = CodeRecord(NOW.identity, NOW.entry, NOW.files, THEN.others)
    (note,) = report_on(NOW, [], [stored("a", with_readme), stored("b", with_readme)], []).notes
    assert note.startswith("2 base models are used as in the store: changed since: README.md, which")


def test_what_a_pinned_version_hides_is_told() -> None:
    (note,) = report_on(NOW, [], [stored("a", THEN, "pinned:1")], []).notes
    assert "helper.py, though `code_version` says that it does not matter; README.md, which" in note
