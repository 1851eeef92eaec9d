"""Which jobs are siblings."""

from __future__ import annotations

from typing import Any

import pytest

from master.core.planning.fusing import Fused, sibling_key

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
