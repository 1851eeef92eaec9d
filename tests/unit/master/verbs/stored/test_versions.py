"""`twophase base log` and `base diff`."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path

import pytest

from master.core.explaining.planned import plan_record
from master.core.planning.identity import PARENT_FIELD
from master.core.planning.plan import Job, Plan, base_model_job_id
from master.specs import BaseModelSpec
from master.storage.journal import Journal
from master.storage.run_layout import RunLayout
from master.verbs.stored.base import main
from tests.unit.master.verbs.conftest import FIRST, SECOND
from tests.unit.master.verbs.published import as_published
from tests.unit.master.verbs.stored.conftest import Store

NEWER = "e" * 32


@pytest.fixture
def versions(store: Store) -> None:
    """Put in two versions of a base model, and another base model."""
    store(FIRST, {"seed": 1, "code": "old"}, trained_at=10.0, worker="lab1", code={"files": {"a.py": "1"}})
    store(NEWER, {"seed": 1, "code": "new"}, "more", trained_at=20.0, code={"files": {"a.py": "2"}})
    store(SECOND, {"seed": 2, "width": 8, "code": "old"})


def test_log_tells_versions_and_who_began_with_it(
    run: Path, versions: None, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["log", FIRST[:6], "--run", str(run), "--json"]) == 0
    found = as_published("base_log", capsys.readouterr().out)
    assert [one["spec_hash"] for one in found["versions"]] == [NEWER, FIRST]
    assert found["used_by"] == ["alpha/lr=0.1"]
    assert found["versions"][1]["metrics"] == {"loss": 0.5}
    assert main(["log", FIRST, "--run", str(run)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"base model {FIRST}: seed=1"
    assert [line[:4] for line in lines if "trained" in line] == ["  ee", "* aa"]
    assert lines[-1] == "  alpha/lr=0.1"


def test_the_newest_is_that_which_came_home_last_whatever_clocks_workers_have(
    run: Path, store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    store(FIRST, {"seed": 1, "code": "old"}, trained_at=9e9, stored_at=10.0)
    store(NEWER, {"seed": 1, "code": "new"}, "more", trained_at=1.0, stored_at=20.0)
    assert main(["log", FIRST, "--run", str(run), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [one["spec_hash"] for one in found["versions"]] == [NEWER, FIRST]


def test_diff_tells_fields_code_and_metrics(
    run: Path, versions: None, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["diff", FIRST, NEWER, "--run", str(run), "--json"]) == 0
    found = as_published("base_diff", capsys.readouterr().out)
    assert found["same_family"] and found["code_files"] == ["a.py"]
    assert [item["field"] for item in found["fields"]] == ["code"]
    assert main(["diff", FIRST, SECOND, "--run", str(run)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1:] == ["  seed: 1, 2", "  width: (not given), 8", "  changed: a.py", "  loss: 0.5, 0.5"]


def test_log_and_ls_tell_what_starts_from_what(
    run: Path, store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    root, child, leaf = ("5" * 32, "4" * 32, "3" * 32)
    store(root, {"lr": 1, "code": "c"}, parent=None, family="f1")
    store(child, {"site": "x", "code": "c", PARENT_FIELD: root}, "more", parent=root, family="f2")
    store(leaf, {"who": "p", "code": "c", PARENT_FIELD: child}, "most", parent=child, family="f3")
    assert main(["log", leaf, "--run", str(run), "--json"]) == 0
    found = as_published("base_log", capsys.readouterr().out)
    assert (found["ancestors"], found["children"], found["family"]) == ([child, root], [], "f3")
    assert main(["log", child, "--run", str(run)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[:3] == [
        f'base model {child}: site="x"',
        f"starts from {root[:12]}",
        f"base models that start from it: {leaf[:12]}",
    ]
    assert main(["ls", "--run", str(run)]) == 0
    listed = [line.split("  ")[0] for line in capsys.readouterr().out.splitlines()]
    assert [line for line in listed if line.strip("└ ")[:1] in "345"] == [root[:12], f"└ {child[:12]}", ""]


def test_log_counts_experiments_of_all_generations_and_no_base_model(
    run: Path, store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    child = BaseModelSpec(SECOND, {}, parent=BaseModelSpec(FIRST, {}))
    training = Job(base_model_job_id(SECOND), phase=1, needs=FIRST, makes=SECOND)
    plan = Plan((training, Job("leaf", phase=2, needs=SECOND)), {FIRST: "x"})
    with closing(Journal(RunLayout(run).journal, "the-run")) as journal:
        journal.remember_plan(plan_record(plan, {base.spec_hash: base for base in child.lineage}))
    store(FIRST, {"lr": 1})
    assert main(["log", FIRST, "--run", str(run), "--json"]) == 0
    assert as_published("base_log", capsys.readouterr().out)["used_by"] == ["leaf"]


def test_log_and_ls_tell_which_training_goes_on_from_which(
    run: Path, store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    root, low, high = ("5" * 32, "4" * 32, "3" * 32)
    store(root, {"lr": 1, "code": "c"}, parent=None, family="f1")
    rung = {"code": "c", PARENT_FIELD: root}
    store(low, {"epochs": 10, **rung}, "more", parent=root, resumes_from=None, family="f2")
    store(high, {"epochs": 20, **rung}, "most", parent=root, resumes_from=low, family="f3")
    assert main(["log", high, "--run", str(run), "--json"]) == 0
    found = as_published("base_log", capsys.readouterr().out)
    assert (found["ancestors"], found["rungs"], found["higher_rungs"]) == ([low, root], [high], [])
    assert main(["log", high, "--run", str(run)]) == 0
    assert f"goes on from {low[:12]}, which starts from {root[:12]}" in capsys.readouterr().out
    assert main(["log", low, "--run", str(run)]) == 0
    assert f"base models whose training goes on from it: {high[:12]}" in capsys.readouterr().out
    assert main(["ls", "--run", str(run), "--json"]) == 0
    listed = {each["spec_hash"]: each for each in json.loads(capsys.readouterr().out)["base_models"]}
    assert (listed[high]["resumes_from"], listed[high]["parent"]) == (low, root)
