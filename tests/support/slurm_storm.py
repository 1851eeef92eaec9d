"""Faults of allocations while a run works on them, from a seed: what a busy cluster does in a week.

`python -m tests.support.slurm_storm --faults 20` does so for minutes and says what it came to.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from master.adapters.allocators.slurm.parsing import seconds
from master.core.running.lifecycle import State, Trigger
from tests.support.needs import UnavailableError
from tests.support.runs import Run, going_on
from tests.support.slurm import LocalSlurm
from tests.support.slurm_packages import slurm_programs

STEP_S = 0.1
SETTLED_S = 5.0
"""So long an allocation is spared: one that brought nothing is no fault that jobs are to go on after."""
JOBS_AT_ONCE = 4
"""Of two seats."""
SCRIPT = f"""
import argparse, json, os, signal, sys, time
parser = argparse.ArgumentParser()
for name in ("--steps", "--prefix"):
    parser.add_argument(name)
steps = int(parser.parse_args().steps)
kept = os.path.join(os.environ["TWOPHASE_CHECKPOINT_DIR"], "state.json")
state = json.load(open(kept)) if os.path.exists(kept) else {{"step": 0, "tries": []}}
state["tries"].append([int(os.environ["TWOPHASE_ATTEMPT"]), state["step"]])

def stop(*_):
    with open(kept + ".new", "w") as stream:
        json.dump(state, stream)
    os.replace(kept + ".new", kept)
    sys.exit(130)

signal.signal(signal.SIGINT, stop)
signal.signal(signal.SIGTERM, stop)
theirs = sorted(name for name in os.environ if name.startswith(("SLURM", "SRUN", "PMI")))
while state["step"] < steps:
    time.sleep({STEP_S})
    state["step"] += 1
    print("step", state["step"], flush=True)
with open(os.path.join(os.environ["TWOPHASE_OUTPUT_DIR"], "told.json"), "w") as stream:
    json.dump({{**state, "theirs": theirs}}, stream)
"""
"""Saves when it is told to end, and goes on from there."""


def cancel(slurm: LocalSlurm, number: str, node: str) -> None:
    """Somebody cancels the allocation."""
    slurm.command("scancel", number)


def down(slurm: LocalSlurm, number: str, node: str) -> None:
    """An administrator takes the node down, and soon gives it back."""
    slurm.command("scontrol", "update", f"NodeName={node}", "State=DOWN", "Reason=test")
    time.sleep(1)
    with suppress(subprocess.CalledProcessError):  # it has come back by itself
        slurm.command("scontrol", "update", f"NodeName={node}", "State=RESUME")


def preempt(slurm: LocalSlurm, number: str, node: str) -> None:
    """Somebody with a higher priority needs the node for a moment."""
    where = ("--partition=urgent", f"--nodelist={node}", "--exclusive", "--chdir=/", "--output=/dev/null")
    slurm.command("sbatch", *where, "--job-name=urgent", "--wrap", "sleep 1")


def shorten(slurm: LocalSlurm, number: str, node: str) -> None:
    """Its limit becomes a minute, which may be over already."""
    slurm.command("scontrol", "update", f"JobId={number}", "TimeLimit=1")


FAULTS: dict[str, Callable[[LocalSlurm, str, str], None]] = {
    "cancel": cancel,
    "down": down,
    "preempt": preempt,
    "shorten": shorten,
}


def pool(root: Path, **more: object) -> dict[str, object]:
    """Return a pool of two seats of this machine's Slurm, each with a node of its own."""
    plain = {"slurm": "localhost", "name": "hpc", "seats": 2, "queued": 2, "time": "30m", "gpus": 0}
    where = {"python": sys.executable, "state_dir": str(root / "shared"), "cpu_slots": 2}
    return {**plain, **where, "options": ["--exclusive", "--partition=scavenger"], **more}


def resuming(root: Path, jobs: int, steps: int, **more: object) -> Run:
    """Return a run on seats alone whose jobs go on from their checkpoint."""
    script = root / "code" / "train.py"
    script.parent.mkdir()
    script.write_text(SCRIPT)
    run = Run(root, [], [], script=script)
    run.write("cluster.json", {"pools": [pool(root, **more)]})
    asked = [{"id": f"job{number}", "steps": steps} for number in range(jobs)]
    run.write("jobs.json", {"base_model": False, "jobs": asked})
    return run


def tries(run: Run, number: int) -> list[list[int]]:
    """Return the attempts that a job's result comes from, each with the step that it began with."""
    told = json.loads((run.layout.result(f"alpha/job{number}") / "told.json").read_text())
    assert told["theirs"] == [], told["theirs"]
    return [list(each) for each in told["tries"]]


def check(run: Run, jobs: int) -> None:
    """Assert that each job has succeeded and is recorded once."""
    assert run.count(Trigger.COLLECT) == {f"alpha/job{number}": 1 for number in range(jobs)}
    assert set(run.states().values()) == {State.SUCCEEDED}


def storm(slurm: LocalSlurm, faults: Sequence[str], chance: random.Random, settled_s: float) -> int:
    """Let one fault after the other happen to allocations that run; return how many found one."""
    done = 0
    for name in faults:
        deadline = time.monotonic() + 60
        while not (found := _running(slurm, settled_s)) and time.monotonic() < deadline:
            time.sleep(0.1)
        if not found:
            break
        with suppress(subprocess.CalledProcessError):  # it has ended meanwhile
            FAULTS[name](slurm, *chance.choice(found))
            done += 1
    return done


def _running(slurm: LocalSlurm, settled_s: float) -> list[tuple[str, str]]:
    lines = slurm.command("squeue", "-h", "--states=RUNNING", "-o", "%i|%j|%N|%M").splitlines()
    rows = [line.split("|") for line in lines]
    settled = [row for row in rows if (seconds(row[3]) or 0.0) >= settled_s]
    return [(row[0], row[2]) for row in settled if row[1].startswith("tp-")]


def weather(
    root: Path,
    slurm: LocalSlurm,
    faults: Sequence[str],
    *,
    seed: int,
    jobs: int,
    steps: int,
    settled_s: float = SETTLED_S,
) -> str:
    """Work through a run under faults; return what came of it.  Raises AssertionError."""
    run = resuming(root, jobs, steps)
    with going_on(run, "--retries", "0") as master:
        done = storm(slurm, faults, random.Random(seed), settled_s)
        said, _ = master.communicate(timeout=900)
        assert master.returncode == 0, said
    check(run, jobs)
    all_tries = [tries(run, number) for number in range(jobs)]
    lost = [each for each in all_tries if any(one[1] == 0 for one in each[1:])]
    assert not lost, f"jobs that began again from nothing: {lost}"
    interrupted = sum(len(each) - 1 for each in all_tries)
    return f"{done} faults ({dict(Counter(faults))}), {interrupted} interruptions, {jobs} jobs recorded once"


def _in_a_place_of_its_own(faults: Sequence[str], seed: int, steps: int) -> str:
    with tempfile.TemporaryDirectory(prefix="storm-") as name:
        root = Path(name) / "run"
        root.mkdir()
        with LocalSlurm(Path(name) / "slurm", slurm_programs()) as slurm:
            os.environ |= {"PATH": slurm.path, "TWOPHASE_QUEUE_LOOK_S": "0.5"}
            os.environ["TWOPHASE_SLOT_DIR"] = f"{name}/slots"
            return weather(root, slurm, faults, seed=seed, jobs=JOBS_AT_ONCE + len(faults), steps=steps)


def main() -> int:
    """Parse, run, tell."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--faults", type=int, default=20, help="how many (20)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=40.0, help="how long a job takes (40)")
    asked = parser.parse_args()
    chance = random.Random(asked.seed)
    faults = [chance.choice(sorted(FAULTS)) for _ in range(asked.faults)]
    try:
        print(_in_a_place_of_its_own(faults, asked.seed, int(asked.seconds / STEP_S)))
    except UnavailableError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
