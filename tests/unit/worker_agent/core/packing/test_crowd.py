"""When the next job may start on a GPU that is shared by memory."""

from __future__ import annotations

from worker_agent.core.packing.crowd import SETTLES_S, SPEAKS_S, Crowd
from worker_agent.core.packing.patience import TELLS_S

A, B = ("a", 1), ("b", 1)


def test_the_next_job_waits_until_the_last_has_settled() -> None:
    crowd = Crowd()
    assert crowd.may_start(0)
    crowd.started(A)
    assert not crowd.may_start(1)
    crowd.seen(B)
    assert not crowd.may_start(1)
    crowd.seen(A)
    assert not crowd.may_start(1), "it may still report"
    assert not crowd.aged(A, SPEAKS_S - 1.0) and crowd.aged(A, SPEAKS_S)
    assert crowd.may_start(1) and crowd.allowed is None


def test_one_that_shows_nothing_is_waited_for_as_long_as_a_context_takes() -> None:
    crowd = Crowd()
    crowd.started(A)
    crowd.leave(A)
    crowd.started(B)
    assert list(crowd.awaited()) == [B] and not crowd.aged(B, SETTLES_S / 2) and not crowd.may_start(1)
    assert crowd.aged(B, SETTLES_S) and crowd.may_start(1) and not list(crowd.awaited())


def test_one_that_ends_at_once_holds_up_nobody() -> None:
    crowd = Crowd()
    crowd.started(A)
    crowd.leave(A)
    assert crowd.may_start(0)


def test_memory_alone_decides_while_nobody_reports() -> None:
    crowd = Crowd()
    for number in range(40):
        crowd.started((str(number), 1))
        crowd.seen((str(number), 1))
        crowd.ended(float(number))
        crowd.leave(("0", 1))
    assert crowd.may_start(40) and crowd.allowed is None and crowd.news() is None


def test_a_second_job_is_tried_once_the_pace_of_the_first_is_known() -> None:
    crowd = Crowd()
    crowd.started(A)
    crowd.report(A, 1.0, 0.0, running=1)
    assert crowd.allowed == 1 and not crowd.may_start(1)
    for second in (1.0, 2.0, 3.0):
        crowd.report(A, 1.0 + second, second, running=1)
    assert crowd.allowed == 2 and crowd.may_start(1)


def test_one_that_reports_too_seldom_is_not_waited_for_and_memory_decides_until_paces_are_known() -> None:
    crowd = Crowd()
    crowd.started(A)
    crowd.report(A, 0.0, 10.0, running=1)
    assert list(crowd.awaited()) == [A] and not crowd.aged(A, 10.0) and not crowd.may_start(1)
    assert not crowd.aged(A, 9.0 + TELLS_S) and crowd.aged(A, 10.0 + TELLS_S)
    assert crowd.may_start(1) and crowd.may_start(20) and not list(crowd.awaited())
    crowd.started(B)
    crowd.aged(B, SETTLES_S)
    for hour in range(1, 4):
        for key in (A, B):
            crowd.report(key, float(hour), 3600.0 * hour, running=2)
            assert crowd.may_start(20)
    for key in (A, B):
        crowd.report(key, 4.0, 3600.0 * 4, running=2)
    assert crowd.allowed == 3, "from here on it is a walk as any other"


def test_the_next_that_reports_is_waited_for_where_the_first_has_ended() -> None:
    crowd = Crowd()
    crowd.started(A)
    crowd.report(A, 0.0, 0.0, running=1)
    crowd.aged(A, 5.0)
    crowd.ended(30.0)
    crowd.leave(A)
    crowd.started(B)
    crowd.report(B, 0.0, 40.0, running=1)
    assert not crowd.aged(B, 5.0) and not crowd.may_start(1)
    assert crowd.aged(B, 5.0 + TELLS_S) and crowd.may_start(1)


def test_nobody_is_waited_for_any_more_once_a_pace_is_known() -> None:
    crowd = Crowd()
    crowd.started(A)
    for second in (0.0, 1.0, 2.0, 3.0):
        crowd.report(A, second, second, running=1)
    assert not list(crowd.awaited()) and not crowd.aged(A, 2 * TELLS_S) and crowd.allowed == 2


def test_a_second_job_that_adds_nothing_is_no_longer_allowed_and_that_is_news() -> None:
    crowd = Crowd()
    crowd.started(A)
    crowd.report(A, 0.0, 0.0, running=1)
    for second in (1.0, 2.0, 3.0):
        crowd.report(A, second, second, running=1)
    crowd.started(B)
    crowd.report(B, 0.0, 5.0, running=2)
    assert crowd.news() is None
    for moment in (5.0, 6.0, 7.0, 8.0):
        crowd.report(A, 0.4 * moment + 10.0, moment, running=2)
    assert crowd.allowed == 1 and not crowd.may_start(1)
    assert crowd.news() == 1 and crowd.news() is None
