"""Which slots ran what."""

from __future__ import annotations

from master.web.drawn.timeline import MOST_ROWS, Timeline


def moves(timeline: Timeline, *told: tuple[float, str, str, str, int, str]) -> Timeline:
    for each in told:
        timeline.take(*each)
    return timeline


def ran(*told: tuple[float, float, str], state: str = "collecting", worker: str = "w") -> Timeline:
    """Let jobs run, in the order of time."""
    starts = [(begin, job, "start", "running", 1, worker) for begin, _, job in told]
    ends = [(end, job, "finish", state, 1, worker) for _, end, job in told]
    return moves(Timeline(), *sorted(starts + ends))


def of(
    timeline: Timeline, since: float = 0.0, until: float = 100.0, steps: int = 100
) -> list[list[list[object]]]:
    return [row["pieces"] for row in timeline.json(since, until, steps)["rows"]]


def test_jobs_at_a_time_lie_in_lanes_of_their_own_and_a_free_lane_is_used_again() -> None:
    timeline = ran((1, 9, "a"), (2, 5, "b"), (6, 20, "c"))
    assert of(timeline) == [
        [[1, 9, "succeeded", "a", 1]],
        [[2, 5, "succeeded", "b", 1], [6, 20, "succeeded", "c", 1]],
    ]
    assert timeline.begin == 1


def pairs(*told: tuple[float, float, str]) -> Timeline:
    """Let jobs run whose starts are told by their ends, as after a link was broken."""
    return moves(
        Timeline(),
        *(
            move
            for begin, end, job in told
            for move in (
                (begin, job, "start", "running", 1, "w"),
                (end, job, "finish", "collecting", 1, "w"),
            )
        ),
    )


def test_jobs_whose_starts_are_told_by_their_ends_lie_beside_each_other_if_they_ran_so() -> None:
    assert of(pairs((1, 9, "a"), (2, 9, "b"), (9, 20, "c"))) == [
        [[1, 9, "succeeded", "a", 1], [9, 20, "succeeded", "c", 1]],
        [[2, 9, "succeeded", "b", 1]],
    ]


def test_short_jobs_that_are_told_of_together_need_no_lane_each() -> None:
    timeline = pairs(*((9.9, 10.0, f"j{n}") for n in range(50)))
    assert timeline.json(0.0, 100.0, 100)["lanes"] == 1


def test_how_a_try_ended_and_what_still_runs() -> None:
    timeline = moves(
        Timeline(),
        (1, "a", "start", "running", 1, "w"),
        (4, "a", "retry", "ready", 1, "w"),
        (5, "a", "start", "running", 2, "w"),
        (9, "a", "fail", "failed", 2, "w"),
        (10, "b", "start", "running", 1, "w"),
        (11, "b", "start", "running", 1, "w"),
    )
    assert of(timeline) == [
        [[1, 4, "again", "a", 1], [5, 9, "failed", "a", 2], [10, None, "running", "b", 1]]
    ]


def test_what_is_dropped_ends_its_own_try_alone() -> None:
    timeline = moves(
        Timeline(),
        (1, "a", "start", "running", 2, "w"),
        (2, "a", "drop", "running", 1, "v"),
        (3, "a", "user cancel", "cancelled", 2, "w"),
    )
    assert of(timeline) == [[[1, 3, "cancelled", "a", 2]]]


def test_what_is_too_short_to_be_told_apart_is_one_piece_that_shows_the_worst() -> None:
    timeline = ran(*((n / 100, n / 100 + 0.005, f"j{n}") for n in range(300)))
    moves(timeline, (3.01, "x", "start", "running", 1, "w"), (3.02, "x", "fail", "failed", 1, "w"))
    (row,) = of(timeline)
    assert len(row) <= 5 and sum(piece[3] for piece in row if isinstance(piece[3], int)) == 301
    assert [piece[2] for piece in row] == [*["succeeded"] * (len(row) - 1), "failed"]


def test_of_a_long_run_a_part_can_be_seen() -> None:
    timeline = ran(*((float(n), n + 0.9, f"j{n}") for n in range(1000)))
    (row,) = of(timeline, since=500.0, until=502.5, steps=100)
    assert [piece[3] for piece in row] == ["j500", "j501", "j502"]


def test_there_are_so_many_rows_and_no_more() -> None:
    timeline = Timeline()
    for n in range(100):
        timeline.take(1.0, f"j{n}", "start", "running", 1, f"w{n:03}")
    told = timeline.json(0.0, 10.0, 10, offset=90)
    assert (told["lanes"], told["rows"][0]["worker"], len(told["rows"])) == (100, "w090", 10)
    assert len(timeline.json(0.0, 10.0, 10)["rows"]) == MOST_ROWS


def test_a_clock_that_goes_back_makes_no_piece_of_less_than_nothing() -> None:
    timeline = ran((10, 12, "a"))
    moves(timeline, (11, "b", "start", "running", 1, "w"), (9, "b", "fail", "failed", 1, "w"))
    assert of(timeline) == [[[10, 12, "succeeded", "a", 1], [12, 12, "failed", "b", 1]]]
