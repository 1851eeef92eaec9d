"""What matters now."""

from __future__ import annotations

from typing import Any

from master.core.explaining.planned import Planned
from master.core.planning.plan import Job
from master.web.model import Model
from master.web.overview import Failures, eta, needs_a_human, phases
from master.web.run_watch import RunWatch


def failed(notes: dict[str, str]) -> Model:
    model = Model("run", Planned({name: Job(name, phase=2) for name in notes}, {}))
    model.take(
        [
            (seq, 1.0, name, "fail", "failed", 1, f"w{seq % 2}", note, None, "")
            for seq, (name, note) in enumerate(notes.items(), 1)
        ]
    )
    return model


def told(**more: Any) -> dict[str, Any]:
    return {"at": 0.0, "stopping": False, "halted": "", "idle": None, "workers": [], **more}


def test_equal_failures_are_one_whatever_their_numbers() -> None:
    model = failed({**{f"j{n}": f"nan at step {n}" for n in range(40)}, "other": "no room"})
    first, second = Failures().ways(model)
    assert (first["count"], first["says"], len(first["jobs"])) == (40, "nan at step 0", 5)
    assert sorted(first["workers"]) == ["w0", "w1"] and second["says"] == "no room"


def test_of_many_workers_a_few_are_named_each_once() -> None:
    model = Model("run", Planned({f"j{n}": Job(f"j{n}", phase=2) for n in range(40)}, {}))
    model.take([(n + 1, 1.0, f"j{n}", "fail", "failed", 1, f"w{n % 8}", "nan", None, "") for n in range(40)])
    (way,) = Failures().ways(model)
    assert way["workers"] == ["w0", "w1", "w2", "w3", "w4"] and way["jobs"] == ["j0", "j1", "j2", "j3", "j4"]


def test_the_last_words_of_a_log_say_more_than_an_exit_code(watch: RunWatch) -> None:
    (way,) = Failures().ways(watch.model)
    assert (way["count"], way["jobs"]) == (1, ["alpha/lr=0.1"]) and "\x1b" not in way["says"]


def test_a_job_that_was_tried_again_is_counted_anew() -> None:
    model, failures = failed({"a": "first"}), Failures()
    failures.ways(model)
    model.take([(9, 2.0, "a", "fail", "failed", 2, "w1", "second", None, "")])
    assert [way["says"] for way in failures.ways(model)] == ["second"]
    model.take([(10, 3.0, "a", "revive", "pending", 2, "w1", "", None, "")])
    assert failures.ways(model) == []


def test_phases(watch: RunWatch) -> None:
    assert phases(watch.model) == [
        {"phase": 1, "total": 2, "states": {"pending": 1, "succeeded": 1}},
        {"phase": 2, "total": 3, "states": {"pending": 1, "failed": 1, "running": 1}},
    ]


def test_the_time_left_is_a_range_until_the_last_phase_has_ended() -> None:
    left = {"base_models": {"low_s": 1.0, "high_s": 9.0}, "experiments": {"low_s": 5.0, "high_s": 7.0}}
    assert eta(left) == [5.0, 9.0]
    assert eta(None) is None and eta({"base_models": None, "experiments": None}) is None


def test_what_needs_a_human_comes_with_its_cure() -> None:
    model = failed({"a": "x"})
    assert list(needs_a_human(model, None, 0.0)) == [], "all has ended"
    model.take([(9, 2.0, "b", "unlock", "ready", 0, None, "", None, "")])
    (no_master,) = needs_a_human(model, None, 0.0)
    assert no_master["says"] == "no master works on this run, and 1 job has not ended"
    worker = {"name": "w1", "usable": True, "tried": True, "reason": "disk \x1b[31mfull", "held": ""}
    held = {**worker, "held": "paused", "reason": "paused by anna"}
    assert list(needs_a_human(model, told(workers=[held]), 0.0)) == [], "somebody wanted it so"
    items = list(needs_a_human(model, told(halted="too many failed", workers=[worker]), 0.0))
    assert [each["says"] for each in items] == ["too many failed", "w1 has trouble: disk full"]
