"""Which of the jobs run."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from master.errors import UsageError
from master.orchestrator.jobs import TrainingJob
from master.orchestrator.selection import select


def jobs(*ids: str) -> list[TrainingJob]:
    return [TrainingJob(each, each.removeprefix("train_").upper(), Path(f"{each}.py"), each) for each in ids]


@pytest.mark.parametrize(
    ("only", "exclude", "kept"),
    [
        ([], [], ["train_als", "train_alzheimers", "fit"]),
        (["als", "train_alzheimers"], [], ["train_als", "train_alzheimers"]),
        (["ALS"], [], ["train_als"]),
        ([], ["fit", "als"], ["train_alzheimers"]),
        (["als"], ["als"], []),
    ],
)
def test_jobs_are_chosen_by_id_with_or_without_train_or_by_name(
    only: list[str], exclude: list[str], kept: list[str]
) -> None:
    chosen, notes = select(jobs("train_als", "train_alzheimers", "fit"), only, exclude)
    assert [each.job_id for each in chosen] == kept
    assert notes == ()


def test_an_unknown_name_gets_the_nearest_ones_offered() -> None:
    known = jobs("train_als", "train_alzheimers")
    chosen, notes = select(known, ["als", "alzheimer"], [])
    assert [each.job_id for each in chosen] == ["train_als"]
    assert re.search(r"--only alzheimer: no job has this name; did you mean .*alzheimers", notes[0])
    with pytest.raises(UsageError, match=r"--only alzheimer: no job has this name"):
        select(known, ["alzheimer"], [])
    with pytest.raises(UsageError, match="there are train_als, train_alzheimers"):
        select(known, ["qqq"], [])
    chosen, notes = select(known, [], ["alz"])
    assert len(chosen) == 2
    assert notes[0].startswith("--exclude alz: no job has this name")
