from __future__ import annotations

from master.core.planning.readable_names import differing, nameable, naming_fields, readable_name


def test_what_varies_names_jobs_but_for_how_they_run() -> None:
    configs = [
        {"lr": 0.1, "seed": 0, "timeout": "1h", "_note": 1, "prefix": "a", "device": 0, "epochs": 3},
        {"lr": 0.2, "seed": 0, "timeout": "2h", "_note": 2, "prefix": "b", "device": 1, "epochs": 3, "wd": 1},
    ]
    fields = naming_fields(configs)
    assert fields == {"lr", "wd"}
    assert [readable_name(config, fields) for config in configs] == ["lr=0.1", "lr=0.2_wd=1"]
    assert naming_fields(configs, but={"wd"}) == {"lr"}
    assert naming_fields(configs[:1]) == frozenset()


def test_how_and_where_a_job_runs_is_in_no_name() -> None:
    assert nameable(["lr", "_note", "timeout", "prefix", "device", "fold"], but={"fold"}) == {"lr"}


def test_values_that_python_takes_for_equal_differ() -> None:
    for values in ((1, 1.0), (1, True), (None, 0), ([1], [1.0]), ([1], [True])):
        assert naming_fields([{"x": value} for value in values]) == {"x"}
    assert naming_fields([{"x": [1, "a"]}, {"x": [1, "a"]}]) == frozenset()


def test_what_is_missing_in_one_differs() -> None:
    assert differing({"a": 1, "b": 2}, {"b": 2, "a": 2, "c": None}) == ["a", "c"]
