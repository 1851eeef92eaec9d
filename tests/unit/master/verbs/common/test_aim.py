"""Which jobs an order is about."""

from __future__ import annotations

from pathlib import Path

import pytest

from master.errors import UsageError
from master.verbs.common.aim import Aim, aim
from master.verbs.jobs import cancel
from tests.unit.master.verbs.conftest import FIRST, SECOND

FIT = ("failed", "running", "ready", "pending")


def aimed(run: Path, *words: str) -> Aim:
    return aim(cancel.parser().parse_args(["--run", str(run), *words]), FIT)


def test_named_jobs_are_meant_in_any_state(run: Path) -> None:
    assert aimed(run, "plain", FIRST[:8]) == Aim(["alpha/plain", f"base_models/{FIRST}"], ())


def test_patterns_and_filters_are_restricted_to_states_in_which_the_order_means_anything(run: Path) -> None:
    assert aimed(run, "alpha/lr=*") == Aim(
        ["alpha/lr=0.1", "alpha/lr=0.01"], ("failed", "running", "ready", "pending")
    )
    assert aimed(run, "--failed") == Aim(["alpha/lr=0.1"], ("failed",))
    assert aimed(run, "--where", "lr=1e-1").jobs == ["alpha/lr=0.1", "alpha/plain"]
    assert aimed(run, "alpha/p*", "--where", "lr=0.1").jobs == ["alpha/plain"]
    assert f"base_models/{SECOND}" in aimed(run, "*").jobs


def test_a_number_may_be_spelled_as_it_was_typed(run: Path) -> None:
    assert aimed(run, "lr=1e-2").jobs == ["alpha/lr=0.01"]
    assert aimed(run, "*/lr=1e-2").jobs == ["alpha/lr=0.01"]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ([], "which jobs"),
        (["alpha/lr=0.11"], "did you mean alpha/lr=0.1"),
        (["alpha/rl=*"], "no job is like `alpha/rl=*`: the nearest is alpha/"),
        (["--where", "lr=0.011"], "no job has lr=0.011: did you mean lr=0.01?"),
        (["--where", "lr=7"], "no job has lr=7: there is 0.01, 0.1"),
        (["--where", "sede=7"], "did you mean `seed`"),
        (["--state", "blocked"], "none is blocked: 1 failed, 1 running"),
        (["--where", "lr=0.01", "--failed"], "none of those is failed"),
    ],
)
def test_what_means_no_job_is_told_with_the_nearest(run: Path, words: list[str], says: str) -> None:
    with pytest.raises(UsageError) as error:
        aimed(run, *words)
    assert says in str(error.value)


def test_an_order_names_the_jobs_and_the_states() -> None:
    found = Aim(["a", "b"], ("ready",)).order(priority=2)
    assert found == {"jobs": ["a", "b"], "only": ["ready"], "priority": 2}
