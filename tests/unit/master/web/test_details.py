"""One job, and base models."""

from __future__ import annotations

from master.core.explaining.planned import Planned
from master.core.planning.plan import Job, base_model_job_id
from master.core.running.lifecycle import State, Trigger
from master.web.details import base_models, detail_json, journal_json, neighbours
from master.web.model import Model
from master.web.run_watch import RunWatch
from tests.support.endings import finished
from tests.unit.master.verbs.conftest import FIRST, SECOND, moved

JOB = "alpha/lr=0.1"


def test_a_job_has_all_that_the_journal_tells(watch: RunWatch) -> None:
    told = detail_json(watch.model, JOB, watch.history(JOB))
    assert [line["what"] for line in told["history"]] == ["assign", "start", "fail"]
    assert told["history"][-1]["note"] == "out of luck"
    assert (told["state"], told["base"], told["parameters"]["lr"]) == ("failed", FIRST, 0.1)


def test_a_note_of_a_worker_is_one_harmless_line(watch: RunWatch) -> None:
    note = "a\nb\x1b[31m\u202e</script>"
    told = detail_json(watch.model, JOB, [moved(1.0, JOB, Trigger.FAIL, State.FAILED, note=note)])
    assert told["history"][0]["note"] == "a; b </script>"


def test_without_a_note_the_last_words_of_a_try_are_told() -> None:
    failed = finished("failed", stderr_tail="Traceback:\nValueError: no luck\x1b[0m\n", exit_code=1)
    lines = [moved(1.0, JOB, Trigger.FAIL, State.FAILED, finished=failed)]
    lines.append(moved(2.0, JOB, Trigger.FAIL, State.FAILED, finished=finished("timeout")))
    lines.append(moved(3.0, JOB, Trigger.FINISH, State.COLLECTING, finished=finished(stderr_tail="fine")))
    lines.append(moved(4.0, JOB, Trigger.FAIL, State.FAILED, finished=failed, note="failed: exit code 1"))
    notes = [line["note"] for line in journal_json(enumerate(lines))]
    assert notes == [
        *("ValueError: no luck", "timeout", "", "failed: exit code 1: ValueError: no luck"),
    ]


def test_neighbours_differ_in_the_fewest_fields(watch: RunWatch) -> None:
    first, second = neighbours(watch.model, JOB)
    assert (
        first
        == {
            "id": "alpha/lr=0.01",
            "state": "pending",
            "different": {"lr": [0.1, 0.01], "seed": [1, 2], "amp": [True, None]},
        }
        or first["id"] == "alpha/plain"
    )
    assert len(first["different"]) <= len(second["different"])


def test_a_job_of_unknown_fields_has_no_neighbours(watch: RunWatch) -> None:
    assert neighbours(watch.model, f"base_models/{FIRST}") == []


def test_base_models_tell_what_starts_from_them(watch: RunWatch) -> None:
    first, second = base_models(watch.model, {})
    assert (first["spec_hash"], first["state"], first["seconds"]) == (FIRST, "succeeded", 9.0)
    assert first["config"] == {"seed": 1} and first["jobs"] == {"failed": 1} and first["at_home"]
    assert (second["state"], second["at_home"], second["trainings_saved"]) == ("pending", False, 0)


def test_what_was_in_the_store_saved_a_training_for_each_job(watch: RunWatch) -> None:
    del watch.model.jobs[f"base_models/{SECOND}"]
    _, stored = base_models(watch.model, {SECOND: {"duration_seconds": 5.0, "worker": "lab2"}})
    assert (stored["state"], stored["where"], stored["seconds_saved"]) == ("stored", "lab2", 5.0)


def test_a_tree_names_generations_and_counts_experiments_alone() -> None:
    trainings = {
        base_model_job_id(made): Job(base_model_job_id(made), 1, needs, made, stage=stage)
        for made, needs, stage in ((FIRST, None, "everyone"), (SECOND, FIRST, "group"))
    }
    jobs = {name: Job(name, phase=2, needs=SECOND) for name in ("a", "b")}
    planned = Planned(
        {**trainings, **jobs},
        {FIRST: {}, SECOND: {}},
        {SECOND: FIRST},
        stages={FIRST: "everyone", SECOND: "group"},
    )
    root, child = base_models(Model("run", planned), {})
    assert [(each["stage"], each["depth"]) for each in (root, child)] == [("everyone", 0), ("group", 1)]
    assert (root["jobs"], root["jobs_in_all"]) == ({}, 2)
    assert (child["jobs"], child["jobs_in_all"]) == ({"pending": 2}, 2)
