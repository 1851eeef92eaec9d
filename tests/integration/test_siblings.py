"""Whole runs in which sibling jobs train at once, and the same jobs one by one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.integration.test_empty_trainer import House

TOGETHER = '''"""Take learning rates and write what they were, and in which process."""

import os
import signal

from worker_agent.protocol.script_contract import ScriptContract


def _write(argv, environ):
    contract = ScriptContract.from_environ(environ)
    folder = contract.base_model_dir if contract.phase == 1 else contract.output_dir
    (folder / "lr.txt").write_text(argv[argv.index("--lr") + 1])
    (folder / "pid.txt").write_text(str(os.getpid()))


def thread_main(argv, environ, output):
    _write(argv, environ)
    return 0


def group_main(members):
    for number, member in enumerate(members):
        if number == 2 and KILLED:
            os.kill(os.getpid(), signal.SIGKILL)
        print("one of", len(members), file=member.output)
        _write(member.argv, member.environ)
        member.finish(0)
'''
RATES = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6]


class Siblings(House):
    """A house whose trainer trains jobs at once that differ in their rate, for a worker with one slot."""

    def __init__(self, root: Path, *, killed: bool = False) -> None:
        super().__init__(root)
        folder = self.code / "trainers" / "calm"
        manifest = json.loads((folder / "manifest.json").read_text())
        more = {"executors": ["process", "warm", "resident"], "fused": {"may_differ": ["lr"]}}
        (folder / "manifest.json").write_text(json.dumps({**manifest, **more}))
        (folder / "thread_main.py").write_text(TOGETHER.replace("KILLED", str(killed)))
        self.write("cluster.json", {"servers": [{"host": "localhost", "gpus": 0, "cpu_slots": 1}]})

    def train(self, **fields: Any) -> list[dict[str, Any]]:
        """Run a job for each rate and return what the results say, in the order of the rates."""
        self.write("jobs.json", [{"lr": lr, "mode": "plain", **fields} for lr in RATES])
        self.run_two_phase()
        found = [
            json.loads(path.read_text()) for path in (self.user / "experiments").glob("alpha/*/job.json")
        ]
        return sorted(found, key=lambda record: record["parameters"]["lr"])

    def rates(self) -> list[str]:
        return sorted(path.read_text() for path in (self.user / "experiments").glob("alpha/*/lr.txt"))

    def pids(self) -> list[str]:
        """Return the processes in which jobs were trained that were resident."""
        return [path.read_text() for path in (self.user / "experiments").glob("alpha/*/pid.txt")]


@pytest.fixture(autouse=True)
def slots(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TWOPHASE_SLOT_DIR", str(tmp_path / "slots"))


def test_siblings_train_at_once_and_come_to_the_same(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    fused, alone = Siblings(tmp_path / "a"), Siblings(tmp_path / "b")
    records, others = fused.train(), alone.train(fuse="off")
    assert [record["executor"] for record in records] == ["resident"] * 6
    assert {record["group"]["jobs"] for record in records} == {6} and len({*fused.pids()}) == 1
    assert {record["executor"] for record in others} == {"warm"} and not alone.pids()
    assert {record["group"] for record in others} == {None}
    rates = [str(rate) for rate in RATES]
    assert fused.rates() == rates and [text.split()[0] for text in alone.rates()] == rates


def test_the_plan_says_what_is_going_to_train_at_once(tmp_path: Path) -> None:
    house = Siblings(tmp_path)
    house.write("jobs.json", [{"lr": lr, "mode": "plain", "fuse": 4} for lr in RATES])
    notes = json.dumps(house.run_two_phase("--dry-run"))
    assert "fuse: 6 jobs train at once where slots are few, up to 4 in one process" in notes
    house.write("jobs.json", [{"lr": 0.1, "fuse": 0}])
    with pytest.raises(AssertionError, match="allowed are auto, off and whole numbers from 2 to 1024"):
        house.run_two_phase("--dry-run")


def test_a_group_whose_process_is_killed_keeps_what_had_finished(tmp_path: Path) -> None:
    house = Siblings(tmp_path, killed=True)
    records = house.train()
    assert [record["attempt"] for record in records] == [1, 1, 2, 2, 2, 2]
    assert [record["executor"] for record in records] == ["resident"] * 2 + ["warm"] * 4
    assert [text.split()[0] for text in house.rates()] == [str(rate) for rate in RATES]
