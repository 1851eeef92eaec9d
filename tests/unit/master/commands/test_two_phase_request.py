"""What the user of `run_two_phase` asks for: which code runs, and when a run halts."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from master.code.code_history import CodeStart
from master.code.snapshot import take_snapshot
from master.commands.options.run_two_phase import parse
from master.commands.two_phase_request import TwoPhaseRequest, check_request, run_spec
from master.core.running.commands import Transition
from master.core.running.lifecycle import State, Trigger
from master.core.running.orders.of_jobs import AddJobs
from master.core.running.orders.of_workers import AddWorker
from master.core.running.orders.order import By, Ordered
from master.errors import ConfigError, UsageError
from master.runs.script_jobs import ScriptJobs
from master.storage.journal import Journal
from master.storage.run_layout import RunLayout

SWEEP = {"lr": 0.1}
PARTICIPANT: dict[str, Any] = {"participants": ["a", "b"], "fold": 0}


def argv(root: Path, *jobs: dict[str, Any], **cluster: Any) -> list[str]:
    server = {"host": "localhost", "gpus": 0, "cpu_slots": 1}
    (root / "cluster.json").write_text(json.dumps({"servers": [server], **cluster}))
    (root / "jobs.json").write_text(json.dumps(jobs))
    (root / "train.py").write_text("print('trained')\n")
    configs = ("--cluster-config", str(root / "cluster.json"), "--jobs-config", str(root / "jobs.json"))
    return [*configs, "--run-dir", str(root / "run")]


def checked(words: list[str]) -> TwoPhaseRequest:
    options = parse(words)
    return check_request(options, RunLayout(options.run_dir))


def test_a_forgotten_script_is_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no --script-path: give your training script"):
        checked(argv(tmp_path, SWEEP))


@pytest.mark.parametrize("job", [PARTICIPANT, {"mode": "target_only", **PARTICIPANT}])
def test_jobs_of_the_default_trainer_need_none(tmp_path: Path, job: dict[str, Any]) -> None:
    assert "personalization" in checked(argv(tmp_path, job)).code.sources.argv[-1]


@pytest.mark.parametrize("named", ["by flag", "in the cluster config"])
def test_with_a_script_jobs_have_any_shape(tmp_path: Path, named: str) -> None:
    script = str(tmp_path / "train.py")
    words = argv(tmp_path, SWEEP, **({} if named == "by flag" else {"script_path": script}))
    words += ["--script-path", script] if named == "by flag" else []
    assert [job.config for job in checked(words).jobs.jobs] == [SWEEP]


@pytest.mark.parametrize(("flags", "most"), [((), 10), (("--max-failures", "0"), 0)])
def test_a_run_halts_after_so_many_failures_alike(tmp_path: Path, flags: tuple[str, ...], most: int) -> None:
    options = parse([*argv(tmp_path, PARTICIPANT), *flags])
    layout = RunLayout(options.run_dir)
    assert run_spec(options, layout, check_request(options, layout)).policy.max_failures == most


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ([], "warm"),
        (["--trainer", "probes"], "warm"),
        (["--executor", "process"], "process"),
        (["--script-path", "train.py"], "process"),
        (["--script-path", "train.py", "--executor", "warm"], "warm"),
    ],
)
def test_trainers_run_warm_and_scripts_apart_unless_somebody_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, flags: list[str], expected: str
) -> None:
    job = {"activations": "a.h5", "actions": "l.csv"} if "probes" in flags else PARTICIPANT
    options = parse([*argv(tmp_path, job), *flags])
    monkeypatch.chdir(tmp_path)
    layout = RunLayout(options.run_dir)
    spec = run_spec(options, layout, check_request(options, layout))
    assert isinstance(spec.work, ScriptJobs)
    assert spec.work.limits.executor == expected


def test_a_script_that_cannot_share_base_models_is_told_where_they_are_asked_for(tmp_path: Path) -> None:
    words = [*argv(tmp_path, SWEEP), "--script-path", str(tmp_path / "train.py")]
    assert not any("not seen to make" in note for note in checked(words).code.notes)
    swept = {"base_model": {"exclude": ["lr"]}, "grid": {"lr": [0.1, 0.2]}}
    (tmp_path / "jobs.json").write_text(json.dumps(swept))
    assert checked(words).code.notes[0].startswith("train.py is not seen to make base models")
    (tmp_path / "train.py").write_text("import os\nos.environ['TWOPHASE_BASE_MODEL_DIR']\n")
    assert not any("not seen to make" in note for note in checked(words).code.notes)


def started(words: list[str], done: int) -> None:
    """Start a run and let it do so many of its jobs."""
    options = parse(words)
    layout = RunLayout(options.run_dir)
    request = check_request(options, layout)
    program = take_snapshot(request.code.sources, layout.code)
    start = CodeStart(request.record, program.content_hash, program.argv, 1.0)
    jobs = request.jobs.jobs
    with closing(Journal(layout.journal)) as journal:
        journal.remember_jobs({job.job_hash: job.job_id for job in jobs})
        journal.remember_code(start.as_json())
        ended = (job.job_id for job in jobs[:done])
        journal.append(
            Transition(1.0, job_id, Trigger.COLLECT, State.SUCCEEDED, 1, "a", "") for job_id in ended
        )


@pytest.mark.parametrize("flags", [(), ("--dry-run",)])
def test_changed_code_is_not_asked_about_where_nothing_is_to_run(
    tmp_path: Path, flags: tuple[str, ...]
) -> None:
    words = [*argv(tmp_path, SWEEP, {"lr": 0.2}), "--script-path", str(tmp_path / "train.py")]
    started(words, done=2)
    (tmp_path / "train.py").write_text("print('otherwise')\n")
    request = checked([*words, *flags])
    assert request.code.notes[0] == (
        "the code has changed since this run was started: train.py; nothing is to run, all results are of the"
        " code as it was then; to run all again with that of now: --run-dir OTHER"
    )
    assert request.code.sources.root.parent == tmp_path / "run/.twophase/code"


def test_changed_code_is_asked_about_where_a_job_is_left(tmp_path: Path) -> None:
    words = [*argv(tmp_path, SWEEP, {"lr": 0.2}), "--script-path", str(tmp_path / "train.py")]
    started(words, done=1)
    (tmp_path / "train.py").write_text("print('otherwise')\n")
    with pytest.raises(UsageError, match="the code has changed"):
        checked(words)
    assert "the run will ask for --code keep" in checked([*words, "--dry-run"]).code.notes[0]


def test_edited_stages_make_no_base_models_for_jobs_that_are_done(tmp_path: Path) -> None:
    words = [*argv(tmp_path), "--script-path", str(tmp_path / "train.py")]

    def edited(*fields: str) -> None:
        first = [{"name": "everyone", "fields": ["lr"]}]
        stages = [*first, *({"name": name, "from": "everyone", "fields": [name]} for name in fields)]
        jobs = [{"lr": lr, "site": "x", "head": 1} for lr in (1, 2)]
        (tmp_path / "jobs.json").write_text(json.dumps({"stages": stages, "jobs": jobs}))

    edited("site")
    started(words, done=1)
    assert len(checked(words).plan.to_train) == 2
    edited("head")
    request = checked(words)
    assert len(request.plan.to_train) == 2 and request.plan.parents
    told = "2 base models are not trained: all jobs that would start from them are done"
    assert told in request.code.notes
    edited("site")
    started(words, done=2)
    assert checked(words).plan.to_train == ()


def ordered(words: list[str], *orders: Any) -> None:
    """Give the run orders, as a start before did."""
    with closing(Journal(RunLayout(parse(words).run_dir).journal)) as journal:
        journal.append([], [Ordered(1.0, By(1, "anna", 1), order) for order in orders])


def test_jobs_that_were_added_and_cannot_be_read_any_more_are_left_out_with_a_word(tmp_path: Path) -> None:
    words = [*argv(tmp_path, SWEEP), "--script-path", str(tmp_path / "train.py")]
    started(words, done=0)
    kept, lost = AddJobs("/more.json", '[{"lr": 0.2}]'), AddJobs("/lost.json", "[]", {"h": "alpha/lost"})
    ordered(words, lost, kept)
    request = checked(words)
    assert [job.config for job in request.jobs.jobs] == [SWEEP, {"lr": 0.2}]
    (note,) = (each for each in request.code.notes if "cannot be read any more" in each)
    assert note.startswith("1 job that `twophase add` took from /lost.json") and "there are no jobs" in note


def test_jobs_may_ask_for_labels_that_only_a_worker_has_that_was_added(tmp_path: Path) -> None:
    job = {**SWEEP, "resources": {"labels": ["a100"]}}
    words = [*argv(tmp_path, job), "--script-path", str(tmp_path / "train.py")]
    with pytest.raises(ConfigError, match="a100"):
        checked(words)
    ordered(words, AddWorker({}, name="gpu9", labels=["a100"]))
    assert [each.config for each in checked(words).jobs.jobs] == [job]


def test_added_jobs_whose_base_models_can_be_trained_nowhere_any_more_are_left_out(tmp_path: Path) -> None:
    words = [*argv(tmp_path, SWEEP, phase1_labels=["big"]), "--script-path", str(tmp_path / "train.py")]
    cluster = json.loads((tmp_path / "cluster.json").read_text())
    cluster["servers"][0]["labels"] = ["big"]
    (tmp_path / "cluster.json").write_text(json.dumps(cluster))
    job = {"lr": 0.2, "resources": {"labels": ["a100"]}}
    more = AddJobs("/more.json", json.dumps({"base_model": {"exclude": ["lr"]}, "jobs": [job]}))
    ordered(words, AddWorker({}, name="gpu9", labels=["a100"]), more)
    request = checked(words)
    assert [each.config for each in request.jobs.jobs] == [SWEEP] and not request.plan.to_train
    (note,) = (each for each in request.code.notes if "can be trained nowhere" in each)
    assert note.startswith("1 job that `twophase add` gave the run is left out") and "phase1_labels" in note
