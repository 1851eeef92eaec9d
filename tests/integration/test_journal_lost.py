"""A journal that is gone, damaged or an older copy costs no result, and no job is run again."""

from __future__ import annotations

import shutil
import signal
from pathlib import Path

import pytest

from tests.integration.agent_harness import until
from tests.support.runs import Run

SCRIPT = """
import argparse, os
parser = argparse.ArgumentParser()
parser.add_argument("--seed")
seed = parser.parse_args().seed
open({tally!r}, "a").write(seed + "\\n")
open(os.environ["TWOPHASE_OUTPUT_DIR"] + "/out.txt", "w").write(seed)
"""


class Place:
    """A run whose script tells each execution to a file outside."""

    def __init__(self, root: Path) -> None:
        self.tally, script = root / "tally", root / "code" / "train.py"
        script.parent.mkdir()
        script.write_text(SCRIPT.format(tally=str(self.tally)).replace("\\\\n", "\\n"))
        server = {"host": "localhost", "gpus": 0, "cpu_slots": 2, "state_dir": str(root / "state")}
        env = {"TWOPHASE_SLOT_DIR": str(root / "slots"), "TWOPHASE_AGENT_IDLE_S": "20"}
        self.run = Run(root, [server], [], script=script, env=env)

    def more(self, count: int, *flags: str) -> str:
        """Run so many jobs to their end; return what was said."""
        self.run.write("jobs.json", [{"id": f"job{seed}", "seed": seed} for seed in range(count)])
        done = self.run.finish(*flags)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    @property
    def executions(self) -> list[int]:
        return sorted(map(int, self.tally.read_text().split()))

    def parts(self) -> list[Path]:
        return list(self.run.layout.state.glob("journal.sqlite*"))

    def copy_to(self, folder: Path) -> Path:
        """Copy the journal as it is."""
        folder.mkdir()
        for part in self.parts():
            shutil.copy2(part, folder)
        return folder

    def put_back(self, folder: Path) -> None:
        """Put an older copy in the place of the journal."""
        for part in self.parts():
            part.unlink()
        for part in folder.iterdir():
            shutil.copy2(part, self.run.layout.state)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_an_older_copy_is_noticed_and_gone_on_with(place: Place, tmp_path: Path) -> None:
    place.more(2)
    kept = place.copy_to(tmp_path / "kept")
    place.more(5)
    place.put_back(kept)
    told = place.more(7)
    assert "3 results of this run that it does not know count as they are" in told.replace("\n", " ")
    assert place.executions == list(range(7))


@pytest.mark.parametrize("how", ["lost", "damaged"])
def test_one_that_is_gone_or_damaged_is_rebuilt(place: Place, how: str) -> None:
    place.more(3)
    for part in place.parts():
        part.unlink()
    if how == "damaged":
        place.run.layout.journal.write_bytes(b"no journal" * 100)
    refused = place.run.finish()
    assert refused.returncode == 3
    told = place.more(4, "--rebuild")
    assert "3 results say what made them" in told
    assert place.executions == list(range(4))
    place.more(4)
    assert place.executions == list(range(4))


WRITE_OLD = """
import pathlib, time
while not pathlib.Path({go!r}).exists(): time.sleep(0.01)
open(os.environ["TWOPHASE_OUTPUT_DIR"] + "/out.txt", "w").write("old")
"""


def test_what_ran_in_a_history_that_is_lost_does_not_count_for_what_is_run_now(
    place: Place, tmp_path: Path
) -> None:
    """An attempt of the same job and number has succeeded on the worker, with the code of before."""
    place.more(1)
    kept, script, go = place.copy_to(tmp_path / "kept"), tmp_path / "code" / "train.py", tmp_path / "go"
    code = script.read_text()
    script.write_text(code + WRITE_OLD.format(go=str(go)))
    place.run.write("jobs.json", [{"id": f"job{seed}", "seed": seed} for seed in range(2)])
    master = place.run.start("--code", "new")
    until(lambda: place.executions == [0, 1])
    master.send_signal(signal.SIGSTOP)
    go.touch()
    until(lambda: any(b'"succeeded"' in path.read_bytes().rsplit(b"job1", 1)[-1] for path in spools(place)))
    master.kill()
    master.communicate()
    place.put_back(kept)
    script.write_text(code)
    place.more(2, "--code", "new")
    assert place.executions == [0, 1, 1]
    assert (place.run.layout.result("alpha/job1") / "out.txt").read_text() == "1"


def spools(place: Place) -> list[Path]:
    return list((place.run.root / "state").rglob("spool*"))
