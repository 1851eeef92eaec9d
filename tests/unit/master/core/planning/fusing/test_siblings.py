"""Which jobs are siblings."""

from __future__ import annotations

from typing import Any

import pytest

from master.core.planning.fusing.siblings import MOST_TOGETHER, most_together, sibling_key, siblings_of
from master.core.planning.job_settings import FUSE
from master.specs import Fused

FUSED = Fused(frozenset({"fold", "lr"}), ("hidden",))
JOB = {"id": "a", "lr": 0.1, "fold": 1, "hidden": 8, "resources": {"memory": "1GB"}}


def _are_siblings(**changes: Any) -> bool:
    return sibling_key(FUSED, 2, JOB) == sibling_key(FUSED, 2, {**JOB, **changes})


@pytest.mark.parametrize(
    "changes",
    [
        *({"lr": 0.2}, {"fold": 7}, {"id": "b"}, {"prefix": "beta"}, {"timeout": 5}, {"stall_timeout": "1m"}),
        *({"collect": {"exclude": ["*.pt"]}}, {"_seconds": 4}, {"_mine": 1}, {"seed": None}),
    ],
)
def test_what_may_differ_parts_no_siblings(changes: dict[str, Any]) -> None:
    assert _are_siblings(**changes)


@pytest.mark.parametrize(
    "changes",
    [
        *({"hidden": 16}, {"seed": 1}, {"hidden": 8.0}, {"hidden": None}),
        *({"executor": "process"}, {"resources": {"memory": "2GB"}}, {"gpu_memory": "1GB"}, {"limits": {}}),
    ],
)
def test_all_else_parts(changes: dict[str, Any]) -> None:
    assert not _are_siblings(**changes)


def test_base_models_and_what_starts_from_them_are_no_siblings() -> None:
    assert sibling_key(FUSED, 1, JOB) != sibling_key(FUSED, 2, JOB)


@pytest.mark.parametrize(
    ("fields", "most"),
    [
        ({}, MOST_TOGETHER),
        ({"fuse": "auto"}, MOST_TOGETHER),
        ({"fuse": None}, MOST_TOGETHER),
        ({"fuse": "off"}, 1),
        ({"fuse": False}, 1),
        ({"fuse": 8}, 8),
        ({"fuse": 8, "executor": "thread"}, 8),
        ({"executor": "resident"}, MOST_TOGETHER),
        ({"executor": "process"}, 1),
        ({"executor": "warm", "fuse": 8}, 1),
        ({"limits": {"output": "1GB"}}, 1),
        ({"resources": {"cpus": 2}}, MOST_TOGETHER),
        ({"resources": {"memory": "1GB"}}, 1),
    ],
)
def test_how_many_train_at_once_is_said_by_the_job(fields: dict[str, Any], most: int) -> None:
    assert most_together(fields) == most
    assert bool(siblings_of(FUSED, 2, fields)) is (most > 1)


def test_nothing_is_fused_of_a_trainer_that_says_nothing() -> None:
    assert siblings_of(None, 2, JOB) == ""


@pytest.mark.parametrize("value", [0, -1, 1, "many", True, 1.5, 2000, [2]])
def test_sizes_of_groups_that_cannot_be_are_refused(value: Any) -> None:
    assert FUSE.of({"fuse": value}) is None
    assert FUSE.problem(value).endswith("allowed are auto, off and whole numbers from 2 to 1024")
