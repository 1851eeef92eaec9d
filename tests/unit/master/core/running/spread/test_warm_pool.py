"""What a worker needs next comes while it computes, where that is sure and nobody else waits for the link."""

from __future__ import annotations

from dataclasses import replace
from statistics import mean

import pytest

from master.core.running import events as ev
from master.core.running.orders.of_jobs import SetAtOnce
from master.core.running.orders.of_workers import PauseWorkers
from master.core.running.policy import Policy
from tests.unit.master.core.running.spread.transfers_world import Search, TransfersWorld
from tests.unit.master.core.running.stage import Stage, job

X, Y = "1" * 64, "2" * 64


def computing(left: int = 9, first: float = 10.0, policy: Policy | None = None, together: int = 1) -> Stage:
    """`w1` and `w2` run jobs of 60 s from `x`, of which no more are ready; some are that start from `y`.

    A base model took `first` seconds to `w1`.
    """
    jobs = [replace(job(f"x{n}", "x"), expected_s=60.0) for n in (1, 2)]
    later = [replace(job(f"y{n}", "y"), expected_s=60.0, most_together=together) for n in range(left)]
    run = Stage(*jobs, *later, in_store={"x": X, "y": Y}, policy=policy)
    run.up("w1")
    run.up("w2")
    for worker in ("w1", "w2"):
        run.tell(ev.ArtefactWanted(run.at, worker, X))
    run.at += first
    for worker in ("w1", "w2"):
        run.tell(ev.Delivered(run.at, worker, X))
        (given,) = run.state.workers[worker].attempts
        run.run_on(worker, *given)
    return run


def test_the_base_model_of_the_next_job_comes_shortly_before_there_is_room() -> None:
    run = computing()
    assert run.wait(40.0) == []
    assert run.wait(5.0) == [f"deliver {Y} w1"], "it takes 10 s, and is sent 1.5 times as early"
    assert run.wait(1.0) == run.wait(1.0) == [], "one at a time"
    run.tell(ev.Delivered(run.at, "w1", Y))
    assert run.wait(1.0) == [f"deliver {Y} w2"]


def test_nothing_comes_beside_what_somebody_waits_for() -> None:
    run = computing()
    run.wait(40.0)
    assert run.tell(ev.ArtefactWanted(run.at, "w2", "3" * 64)) == [f"deliver {'3' * 64} w2"]
    assert run.wait(5.0) == run.wait(5.0) == []
    run.tell(ev.Delivered(run.at, "w2", "3" * 64))
    assert run.wait(1.0) == [f"deliver {Y} w1"]


@pytest.mark.parametrize(
    ("run", "why"),
    [
        (computing(left=0), "there is no next job"),
        (computing(first=0.0), "nobody knows how long it takes"),
        (computing(policy=Policy(warms=False)), "it is not wanted"),
    ],
)
def test_nothing_comes_where_nothing_is_known_or_wanted(run: Stage, why: str) -> None:
    assert [run.wait(5.0) for _ in range(11)] == [[]] * 11, why


def test_a_worker_that_gets_nothing_more_is_sent_nothing() -> None:
    run = computing()
    run.order(PauseWorkers(["w1", "w2"]))
    assert run.wait(50.0) == run.wait(5.0) == []


def test_where_fewer_may_run_nothing_is_sent_ahead_until_that_many_do() -> None:
    run = computing()
    run.order(SetAtOnce(1))
    assert run.wait(50.0) == []
    run.order(SetAtOnce(2))
    assert run.wait(1.0) == [f"deliver {Y} w1"]


def test_what_those_who_have_it_will_take_is_sent_to_nobody_else() -> None:
    run = computing(left=1)
    run.wait(45.0)
    run.tell(ev.Delivered(run.at, "w1", Y))
    assert run.wait(1.0) == run.wait(5.0) == [], "w1 has it, and takes the only one"


@pytest.mark.parametrize(("most", "sent"), [(2, [f"deliver {Y} w2"]), (9, [])])
def test_jobs_that_train_at_once_take_one_slot_of_those_who_have_it(most: int, sent: list[str]) -> None:
    run = computing(together=most)
    run.wait(45.0)
    run.tell(ev.Delivered(run.at, "w1", Y))
    assert run.wait(1.0) == sent


def test_a_run_that_stops_sends_nothing_ahead() -> None:
    run = computing()
    run.tell(ev.StopRequested(run.at))
    assert run.wait(50.0) == []


@pytest.mark.parametrize(
    ("search", "gained"),
    [
        (Search(workers=8, bases=30, jobs=60), 0.90),
        (Search(workers=3, slots=2, bases=12, jobs=120, mean_s=20.0), 0.95),
        (Search(transfer_s=60.0), 0.99),
        (Search(workers=8, bases=2, jobs=64), 1.0),
    ],
    ids=["many base models", "short jobs", "slow link", "few base models"],
)
def test_runs_are_shorter_or_no_longer_and_no_more_is_sent(search: Search, gained: float) -> None:
    without = [TransfersWorld(search, seed, warms=False) for seed in range(5)]
    warm = [TransfersWorld(search, seed, warms=True) for seed in range(5)]
    ratios = [one.run() / other.run() for one, other in zip(warm, without, strict=True)]
    assert mean(ratios) <= gained and max(ratios) <= 1.03, ratios
    assert sum(world.sent for world in warm) <= 1.1 * sum(world.sent for world in without)
