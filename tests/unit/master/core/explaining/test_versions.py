"""Base models that were asked for alike."""

from __future__ import annotations

from master.core.explaining.versions import age_order, clearing, differences, family_of
from master.core.planning.identity import PARENT_FIELD


def test_a_family_is_what_was_asked_for_whatever_the_code() -> None:
    asked = {"lr": 0.1, "code": "a"}
    assert family_of(asked) == family_of({"code": "b", "lr": 0.1}) == family_of({"lr": 0.1})
    assert family_of(asked) != family_of({"lr": 0.2, "code": "a"})


def test_a_family_spans_the_versions_of_what_a_base_model_starts_from() -> None:
    roots = {"r1": {"lr": 1, "code": "a"}, "r2": {"lr": 1, "code": "b"}, "r3": {"lr": 2, "code": "a"}}
    families = [
        family_of({"site": "x", "code": "a", PARENT_FIELD: root}, roots.get) for root in (*roots, "unknown")
    ]
    assert families[0] == families[1]
    assert len(set(families)) == 3
    assert family_of({"site": "x"}, roots.get) not in families


def test_differences_are_those_of_values_and_of_what_is_given() -> None:
    one, other = {"lr": 1, "same": [1], "only": None}, {"lr": 1.0, "same": [1], "more": 2}
    found = [(item.field, item.values, item.given) for item in differences(one, other)]
    assert found == [
        ("lr", (1, 1.0), (True, True)),
        ("only", (None, None), (True, False)),
        ("more", (None, 2), (False, True)),
    ]
    assert differences(one, one) == []


def test_what_is_pinned_or_needed_stays() -> None:
    found = clearing(["a", "b", "c"], {"jobs.json": {"b", "elsewhere"}}, ["c"])
    assert found.goes == ("a",)
    assert found.stays == {"b": "needed by jobs.json", "c": "pinned"}
    assert clearing(["a"], {"x": ["a"], "y": ["a"]}, ["a"]).stays == {"a": "pinned"}


def test_age_goes_by_the_clock_of_the_head_node_where_that_is_known() -> None:
    behind, before = {"trained_at": 9e9, "stored_at": 5.0}, {"trained_at": 1.0, "stored_at": 6.0}
    assert sorted([before, behind], key=age_order) == [behind, before]
    assert [age_order(each) for each in ({"trained_at": 4}, {}, {"trained_at": "x", "stored_at": True})] == [
        *(4.0, 0.0, 0.0),
    ]
