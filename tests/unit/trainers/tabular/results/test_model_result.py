"""What a report is made of."""

from __future__ import annotations

from tests.unit.trainers.tabular.results import model_results


def test_the_test_is_scored_and_members_are_counted() -> None:
    result = model_results.result(members=2)
    assert result.scored == "test" and result.members == 2
    assert result.splits["test"].mean.shape == (90, 2)
