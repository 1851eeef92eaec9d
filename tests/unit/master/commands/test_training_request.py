"""What is asked of `run_all_training`, made into a request."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from master.commands import training_request as module
from master.commands.options.run_all_training import parse
from master.commands.training_request import absolute, check_request, find_jobs, run_spec
from master.errors import UsageError
from master.orchestrator.resources import Workers
from worker_agent.protocol.messages import Settings


def script(folder: Path, name: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text("print(1)\n")
    return path


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_scripts_are_found_unless_they_are_not_to_be_looked_for(here: Path) -> None:
    script(here, "train_a.py"), script(here, "train_b.py"), script(here, "other.py")
    merged, found = find_jobs(parse([]), here, [here])
    assert ([job.job_id for job in merged.jobs], found) == (["train_a", "train_b"], 2)
    merged, found = find_jobs(parse(["--discovery-limit", "1"]), here, [here])
    assert ([job.job_id for job in merged.jobs], found) == (["train_a"], 1)
    merged, found = find_jobs(parse(["--no-auto-discover"]), here, [here])
    assert (merged.jobs, found) == ((), 0)


def test_what_is_found_may_be_optional(here: Path) -> None:
    script(here, "train_a.py")
    for words, optional in (([], False), (["--mark-discovered-optional"], True)):
        ((job,), _) = (lambda pair: (pair[0].jobs, pair[1]))(find_jobs(parse(words), here, [here]))
        assert job.optional is optional


def test_an_executor_that_scripts_cannot_have_is_refused(here: Path) -> None:
    with pytest.raises(UsageError, match="--executor"):
        check_request(parse(["--executor", "thread"]), here, (here,), (), ())


@pytest.mark.parametrize(
    ("workers", "settings"),
    [
        (Workers(3, "by cores"), Settings(cpu_slots=3)),
        (Workers(2, "by GPUs", gpus=("0", "1")), Settings(gpus=["0", "1"], slots_per_gpu=1)),
        (Workers(3, "by GPUs", gpus=("0", "1")), Settings(gpus=["0", "1"], slots_per_gpu=2)),
    ],
)
def test_this_machine_is_a_cluster_of_one(workers: Workers, settings: Settings) -> None:
    (server,) = module._this_machine(workers).servers
    assert server.is_local and server.agent == settings


@pytest.mark.parametrize(
    ("words", "most"),
    [
        ([], None),
        (["--max-workers", "3"], 3),
        (["--no-parallel", "--max-workers", "3"], 1),
        (["--parallel"], None),
    ],
)
def test_how_many_jobs_run_at_a_time_on_a_cluster(words: list[str], most: int | None) -> None:
    assert module._most(parse(words)) == most


def test_paths_are_made_absolute_without_following_links(here: Path, monkeypatch: Any) -> None:
    monkeypatch.setenv("HOME", "/home/u")
    assert absolute(Path("~/x/../y")) == Path("/home/u/y")
    assert absolute(Path("a")).is_absolute()


def test_the_run_waits_for_workers_as_long_as_is_asked(here: Path) -> None:
    script(here, "train_a.py")
    options = parse(["--give-up-after", "0"])
    merged, _ = find_jobs(options, here, [here])
    policy = run_spec(check_request(options, here, (here,), merged.jobs, ())).policy
    assert (policy.give_up_s, policy.never_up_s) == (0.0, 0.0)
