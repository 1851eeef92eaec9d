"""What the plan says of pruning."""

from __future__ import annotations

import pytest

from master.core.planning.plan import Job, Plan
from master.core.running.pruning.planned import notes_on_pruning
from master.specs import ASHA, PruneSpec

SPEC = PruneSpec(ASHA, "loss", within=("fold", "seed"))


def notes(contests: str, spec: PruneSpec | None = SPEC) -> list[str]:
    jobs = tuple(Job(f"j{number}", phase=2, contest=name) for number, name in enumerate(contests))
    return list(notes_on_pruning(Plan((Job("base", phase=1), *jobs), {}, prune=spec)))


@pytest.mark.parametrize(
    ("contests", "groups"),
    [("aabb", "2 groups of 2"), ("aabbb", "2 groups of 2 to 3"), ("aaa", "one group")],
)
def test_how_many_are_compared_is_told(contests: str, groups: str) -> None:
    told = f"prune: {len(contests)} jobs are compared by loss, those that are equal in fold, seed: {groups}"
    assert notes(contests) == [told]


def test_jobs_that_have_no_other_are_told() -> None:
    assert notes("abcc")[1] == (
        "prune: 2 jobs have no other to be compared with, and no one alone is ended early: "
        "of fold, seed leave out of `within` what only tells repetitions apart"
    )
    assert notes("abb")[1].startswith("prune: 1 job has no other")


def test_all_together_and_none_at_all() -> None:
    assert notes("aa", PruneSpec(ASHA, "loss", within=())) == [
        "prune: 2 jobs are compared by loss: one group"
    ]
    assert notes("aa", None) == []
    assert len(notes("a", PruneSpec(ASHA, "loss", within=()))) == 1, "there is nothing to leave out"
