"""Every path of a run lies below its directory, and no two jobs share one."""

from __future__ import annotations

from itertools import product
from pathlib import Path

from master.storage.run_layout import RunLayout, sheet_of

ROOT = Path("/runs/one")
LAYOUT = RunLayout(ROOT)
TASKS = ["alpha/job", "alpha/job.1", "alpha/job/1", "beta/job", "base_models/0af1"]


def test_results_lie_where_their_ids_say() -> None:
    assert LAYOUT.result("search/lr/fold0_p1") == ROOT / "experiments" / "search" / "lr" / "fold0_p1"
    assert LAYOUT.result("base_models/0af1") == LAYOUT.base_model("0af1")


def test_the_two_logs_are_at_the_top() -> None:
    assert LAYOUT.phase1_log == ROOT / "phase1_base_models.json"
    assert LAYOUT.phase2_log == ROOT / "phase2_experiments.json"
    assert sheet_of(LAYOUT.phase2_log) == ROOT / "phase2_experiments.csv"


def test_state_is_hidden_and_apart_from_results() -> None:
    state = [LAYOUT.journal, LAYOUT.lock, LAYOUT.checkpoints, LAYOUT.code, LAYOUT.set_aside("x")]
    state += [
        LAYOUT.log("alpha/job", 1),
        LAYOUT.incoming("alpha/job", 1),
        LAYOUT.phase1_output("base_models/0", 1),
    ]
    assert all(path.is_relative_to(ROOT / ".twophase") for path in state)


def test_attempts_share_no_path() -> None:
    attempts = list(product(TASKS, (1, 2, 11)))
    for place in (LAYOUT.log, LAYOUT.incoming, LAYOUT.phase1_output):
        assert len({place(*attempt) for attempt in attempts}) == len(attempts)


def test_one_arrival_does_not_lie_inside_another() -> None:
    places = [LAYOUT.incoming(*attempt) for attempt in product(TASKS, (1, 2))]
    assert len({place.parent for place in places}) == 1
