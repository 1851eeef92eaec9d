"""Scripts as people write them leave on workers what they leave in a folder by hand: all of it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.runs import Run
from tests.support.shop import Shop
from tests.support.usual_scripts import CACHE, SCRIPTS, USUAL, Left, Usual, left_in, lives, servers

pytestmark = pytest.mark.slow
NAMED = "ended what it left running: "
RECORD = "job.json"
each = pytest.mark.parametrize("usual", USUAL, ids=[usual.name for usual in USUAL])


def two_workers(root: Path) -> list[dict[str, Any]]:
    """Return two workers on this machine, each with state and caches of its own."""
    return [
        {"host": "localhost", "user": name, "gpus": 0, "cpu_slots": 1, "state_dir": str(root / name)}
        for name in ("one", "two")
    ]


@pytest.fixture(scope="module")
def by_hand(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Usual], Left]:
    """Return a function that runs a script by hand, once for all tests."""
    known: dict[str, Left] = {}

    def run(usual: Usual) -> Left:
        usual.check_needs()
        if usual.name not in known:
            known[usual.name] = usual.by_hand(tmp_path_factory.mktemp("hand") / "project")
            assert known[usual.name], "it left nothing"
        return known[usual.name]

    return run


@dataclass(frozen=True)
class AllTrained:
    """What came of one `run_all_training` over the whole folder."""

    results: Path
    statuses: dict[str, str]
    said: str


@pytest.fixture(scope="module")
def all_trained(tmp_path_factory: pytest.TempPathFactory) -> AllTrained:
    root = tmp_path_factory.mktemp("shop")
    shop = Shop(root, root / "project")
    shutil.copytree(SCRIPTS, shop.project, ignore=shutil.ignore_patterns(CACHE))
    cluster = root / "cluster.json"
    cluster.write_text(json.dumps({"servers": two_workers(root)}))
    done = shop.finish("--config", "jobs.yaml", "--cluster-config", str(cluster), "--json")
    jobs = json.loads(done.stdout)["jobs"]
    said = (shop.project / "logs" / "orchestrator.log").read_text()
    return AllTrained(shop.project / "results", {job["id"]: job["state"] for job in jobs}, said)


@each
def test_run_all_training_brings_home_what_a_run_by_hand_leaves(
    usual: Usual, by_hand: Callable[[Usual], Left], all_trained: AllTrained
) -> None:
    expected = by_hand(usual)
    assert all_trained.statuses[usual.job_id] == "succeeded"
    result = all_trained.results / f"{usual.job_id.removeprefix('train_')}_results"
    usual.same(left_in(result, RECORD), expected)


def test_run_all_training_finds_all_of_them(all_trained: AllTrained) -> None:
    assert set(all_trained.statuses) == {usual.job_id for usual in USUAL}


def test_what_one_left_running_is_ended_and_named(all_trained: AllTrained) -> None:
    left = left_in(all_trained.results / "background_results")
    assert servers(left) and not any(map(lives, servers(left)))
    (line,) = [line for line in all_trained.said.splitlines() if NAMED in line]
    assert "train_background" in line and "time.sleep(600)" in line


@pytest.fixture
def own_slots(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TWOPHASE_SLOT_DIR", str(tmp_path / "slots"))
    monkeypatch.setenv("TWOPHASE_AGENT_IDLE_S", "20")
    yield


@each
def test_run_two_phase_brings_home_what_a_run_by_hand_leaves(
    usual: Usual, by_hand: Callable[[Usual], Left], own_slots: None, tmp_path: Path
) -> None:
    expected = by_hand(usual)
    project = tmp_path / "project"
    shutil.copytree(SCRIPTS, project, ignore=shutil.ignore_patterns(CACHE))
    jobs = {"jobs": [{"id": f"seed{seed}", "seed": seed} for seed in (0, 1)], "base_model": False}
    script = None if usual.is_module else project / usual.what
    what = ("-m", usual.what, "--project-root", str(project)) if usual.is_module else ()
    run = Run(tmp_path / "place", two_workers(tmp_path), jobs, script=script)
    done = run.finish(*what)
    assert done.returncode == 0, done.stdout + done.stderr
    first, second = (left_in(run.layout.result(f"alpha/seed{seed}"), RECORD) for seed in (0, 1))
    usual.same(first, expected)
    assert first != second
    assert (NAMED in done.stderr) == (usual.name == "background")
    assert not any(map(lives, servers(first) + servers(second)))
