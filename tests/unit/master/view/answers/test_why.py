"""What is said of each cause."""

from __future__ import annotations

from datetime import datetime

import pytest

from master.core.explaining.causes import Cause, Hindrance, Obstacle, Why
from master.view.answers.why import sentence, what_changes_it, why_nothing_runs
from tests.unit.master.core.running.stage import Stage, job

NOON = datetime(2026, 3, 4, 12, 0).timestamp()
HOUR = 3600.0


def no_room(*hindrances: Hindrance) -> Cause:
    return Cause(Why.NO_ROOM, hindrances=hindrances)


@pytest.mark.parametrize(
    ("cause", "said"),
    [
        (Cause(Why.RUNS, "lab1"), "runs on lab1"),
        (
            Cause(Why.RUNS, "lab1", since=NOON - HOUR, until=NOON + HOUR),
            "runs on lab1 since 11:00 until about 13:00",
        ),
        (
            Cause(Why.RUNS, "lab1", since=NOON - HOUR, until=NOON - 1),
            "runs on lab1 since 11:00, longer than others of its kind",
        ),
        (Cause(Why.COMES_HOME, "lab1"), "has succeeded on lab1, its outcome is on its way home"),
        (Cause(Why.STARTS, "lab1"), "is queued on lab1, which has not started it yet"),
        (Cause(Why.AWAITS_FILES, "lab1"), "waits on lab1 for the files that it starts from"),
        (
            Cause(Why.WORKER_SILENT, "lab1", reason="broken pipe", since=NOON, until=NOON + 300),
            "its worker lab1 has not answered since 12:00 (broken pipe); given to another worker at 12:05"
            " if that lasts",
        ),
        (
            Cause(Why.AWAITS_BASE_MODEL, job="base_models/0123456789abcdef", of_base=Cause(Why.RUNS, "lab1")),
            "waits for base model 0123456789ab, which runs on lab1",
        ),
        (Cause(Why.AWAITS_PHASE_1), "waits for all base models, as --strict-phases asks"),
        (Cause(Why.GOES_ON), "its base model has ended, it goes on in a moment"),
        (Cause(Why.BACKS_OFF, reason="failed", until=NOON), "is tried again at 12:00, after: failed"),
        (
            Cause(Why.AWAITS_CHECKPOINT, "lab1", until=NOON + 24 * HOUR),
            "waits for what its last attempt left on lab1 to come home, until 2026-03-05 12:00 at most",
        ),
        (Cause(Why.STOPPING), "is not started any more, as you asked"),
        (Cause(Why.STOPPING, reason="10 jobs failed alike"), "is not started any more: 10 jobs failed alike"),
        (Cause(Why.MOST_RUN, reason="1"), "waits: as many jobs run as you allow (1)"),
        (Cause(Why.IS_NEXT, "lab1"), "comes next: lab1 has room for it"),
        (no_room(), "finds no worker: there is none"),
    ],
)
def test_a_cause_is_a_sentence(cause: Cause, said: str) -> None:
    assert sentence(cause, NOON) == said


def test_workers_with_the_same_obstacle_are_counted() -> None:
    cause = no_room(
        *(Hindrance(f"lab{n}", Obstacle.TOO_SMALL, "GPU memory") for n in (1, 2, 3)),
        Hindrance("lab5", Obstacle.FULL, until=NOON + 2 * HOUR),
        Hindrance("lab6", Obstacle.FULL, until=NOON + HOUR),
        Hindrance("lab4", Obstacle.PAUSED, "disk full", NOON + 60),
    )
    assert sentence(cause, NOON) == (
        "finds no worker now: 3 have not enough GPU memory, 2 are full until about 13:00,"
        " lab4 is paused until 12:01: disk full"
    )


def test_what_a_user_wants_is_said_with_who_and_why_and_what_ends_it() -> None:
    held = Obstacle.PAUSED_BY_USER, "night", NOON + 8 * HOUR, "anna", NOON - HOUR
    cause = no_room(
        Hindrance("lab4", *held),
        Hindrance("lab5", Obstacle.DRAINED_BY_USER, "", None, "bob", NOON),
        Hindrance("lab6", Obstacle.DRAINED_BY_USER, "", None, "bob", NOON),
    )
    assert sentence(cause, NOON) == (
        "finds no worker now: lab4 is paused by anna since 11:00 until 20:00: night,"
        " 2 are drained by bob since 12:00"
    )
    assert what_changes_it(cause) == "twophase resume lab4 lab5 lab6"


def test_a_run_without_workers_says_who_removed_the_last_one() -> None:
    cause = Cause(Why.NO_ROOM, reason="no worker is left: lab4 was removed by anna; add-worker adds one")
    assert sentence(cause, NOON) == f"finds no worker: {cause.reason}"
    assert what_changes_it(cause) == "add a worker: twophase add-worker"


def test_what_does_not_go_by_itself_is_said_with_its_remedy() -> None:
    cause = no_room(
        Hindrance("lab1", Obstacle.LABELS, "big"), Hindrance("lab2", Obstacle.TOO_SMALL, "memory")
    )
    assert sentence(cause, NOON) == (
        "will find no worker: lab1 has not the label big, lab2 has not enough memory"
    )
    assert what_changes_it(cause) == (
        "give a worker the label in the cluster config; a larger worker, or less in the job's resources"
    )
    assert what_changes_it(Cause(Why.AWAITS_BASE_MODEL, job="b", of_base=cause)) == what_changes_it(cause)


def test_every_obstacle_has_words_for_one_and_for_several() -> None:
    for obstacle in Obstacle:
        alone = sentence(no_room(Hindrance("lab1", obstacle)), NOON)
        several = sentence(no_room(Hindrance("lab1", obstacle), Hindrance("lab2", obstacle)), NOON)
        assert ": lab1 " in alone and ": 2 " in several


def test_what_a_worker_says_cannot_write_on_the_terminal() -> None:
    cause = no_room(Hindrance("lab1", Obstacle.DOWN, "\x1b[2Jgone\nforged line"))
    assert sentence(cause, NOON) == "finds no worker now: lab1 is not connected: gone forged line"


def test_nothing_but_waiting_changes_a_job_that_runs() -> None:
    assert what_changes_it(Cause(Why.RUNS, "lab1")) == ""


def test_what_is_not_started_any_more_needs_no_reason() -> None:
    run = Stage(job("a"), workers=["w1"])
    assert why_nothing_runs(run.state, 0.0) == "nothing runs: a finds no worker now: w1 is being connected"
    run.state.stopping = True
    assert why_nothing_runs(run.state, 0.0) == ""
