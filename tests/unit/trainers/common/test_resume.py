"""Fingerprints tell results apart."""

from __future__ import annotations

from pathlib import Path

from trainers.common.resume import differences


def test_equal_fingerprints_do_not_differ_however_they_were_kept() -> None:
    assert differences({"range": [1, 2], "path": "a"}, {"range": (1, 2), "path": Path("a")}) == ""


def test_differences_are_told_by_name() -> None:
    told = differences({"epochs": 1, "old": 0}, {"epochs": 2, "names": ["x" * 80]})
    parts = told.split("; ")
    assert parts[0] == "epochs was 1, is 2" and parts[2] == "old was 0, is null"
    assert parts[1].startswith('names was null, is ["xxx') and parts[1].endswith("…")
