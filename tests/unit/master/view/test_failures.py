"""What failed and what did not come home, below a table."""

from __future__ import annotations

from pathlib import Path

from master.view.failures import Failure, print_cancelled, print_failures, print_left_out
from tests.unit.master.view.conftest import paper, written


def test_failures_that_are_alike_are_told_once_with_their_last_words(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.touch()
    console, tail = paper(60), "Traceback\nValueError: \x1b[2Jnan"
    same = [Failure(name, "exit code 1", "way", tail, log) for name in ("a", "b", "c")]
    other = Failure("d", "exit code 1: killed", "other", "killed", tmp_path / "no log")
    print_failures(console, [same[0], other, *same[1:]], "the summary")
    assert written(console).splitlines() == [
        "What failed, and why",
        "a: exit code 1 (and 2 more alike)",
        "    ValueError: nan",
        f"    log: {log}",
        "d: exit code 1: killed",
        "",
    ]


def test_many_ways_to_fail_are_counted() -> None:
    console = paper(60)
    print_failures(console, [Failure(f"job{way}", "why", way) for way in range(43)], "the summary")
    assert written(console).splitlines()[-2:] == ["… and 3 more in the summary", ""]


def test_what_did_not_come_home_is_named_up_to_a_number() -> None:
    console = paper(60)
    print_left_out(console, [("a", f"run/{number}", "a socket") for number in range(22)], "the summary")
    lines = written(console).splitlines()
    assert lines[:2] == ["What did not come home, and why", "a: run/0: a socket"]
    assert lines[-2:] == ["… and 2 more in the summary", ""]


def test_what_many_jobs_left_in_the_same_way_is_told_once() -> None:
    console = paper(60)
    items = [("a", "*.pt", "fits nothing"), ("b", "x", "a pipe"), ("c", "*.pt", "fits nothing")]
    print_left_out(console, items, "the summary")
    assert written(console).splitlines()[1:] == ["a and 1 more: *.pt: fits nothing", "b: x: a pipe", ""]


def test_where_there_is_nothing_nothing_is_said() -> None:
    console = paper(60)
    print_failures(console, [], "the summary")
    print_left_out(console, [], "the summary")
    assert written(console) == ""


def test_what_users_cancelled_is_told_once_for_each_reason() -> None:
    console = paper(80)
    print_cancelled(console, [("a", "by anna: slow"), ("b", "by anna: slow"), ("c", "by bo\x1b[2J")])
    assert written(console).splitlines()[1:] == ["a and 1 more: by anna: slow", "c: by bo", ""]
    console = paper(80)
    print_cancelled(console, [])
    assert written(console) == ""
