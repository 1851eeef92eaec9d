"""What an agent knows of its cache."""

from __future__ import annotations

from worker_agent.cache.inspections import Inspections


def test_what_came_is_known_and_was_not_looked_at() -> None:
    seen = Inspections(lambda: 100.0)
    assert not seen.is_known("a")
    seen.note_sound("a")
    assert seen.is_known("a") and seen.is_due("a", 1e9) and seen.found(["a"], 0.0) == []


def test_what_was_looked_at_is_due_again_after_a_while() -> None:
    at = [100.0]
    seen = Inspections(lambda: at[0])
    seen.note("a", None)
    assert seen.is_known("a") and not seen.is_due("a", 10.0) and seen.is_due("a", 0.0)
    at[0] = 110.0
    assert seen.is_due("a", 10.0)


def test_rot_is_told_since_a_time() -> None:
    seen = Inspections(lambda: 100.0)
    seen.note("a" * 64, "a bit has flipped")
    seen.note("b", None)
    (told,) = seen.found(["b", "a" * 64, "c"], 100.0)
    assert told == "artefact aaaaaaaaaaaa was damaged on this worker, and is set aside: a bit has flipped"
    assert seen.found(["a" * 64], 100.1) == []


def test_threads_wait_for_each_other_by_artefact() -> None:
    seen = Inspections()
    assert seen.one_at_a_time("a") is seen.one_at_a_time("a") is not seen.one_at_a_time("b")
