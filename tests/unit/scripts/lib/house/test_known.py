"""The record of outliers may only shrink."""

import json
from pathlib import Path

from scripts.lib.house.known import FILE, grown, outdated, recorded, shrink

KNOWN = {"function a": 60, "module b": 400}


def test_an_outlier_is_allowed_up_to_its_recorded_size() -> None:
    assert grown({"function a": 60}, KNOWN) == []
    assert grown({"function a": 61, "function c": 51}, KNOWN) == [
        "function a: 61, recorded with at most 60",
        "function c: 51",
    ]


def test_what_the_record_need_not_hold_is_told() -> None:
    assert outdated({"function a": 60, "module b": 390}, KNOWN) == ["module b: 390, recorded with 400"]
    assert outdated({"module b": 400}, KNOWN) == ["function a: 0, recorded with 60"]


def test_shrinking_adds_nothing_and_lets_nothing_grow(tmp_path: Path) -> None:
    (tmp_path / FILE).parent.mkdir(parents=True)
    (tmp_path / FILE).write_text(json.dumps(KNOWN))
    shrink({"function a": 70, "function c": 51}, tmp_path)
    assert recorded(tmp_path) == {"function a": 60}


def test_a_checkout_without_a_record_has_no_known_outliers(tmp_path: Path) -> None:
    assert recorded(tmp_path) == {}
