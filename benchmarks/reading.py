"""How long `twophase ps` takes without a master, beside reading the journal once.

A journal of many jobs is written: each was assigned, started, finished and brought home, one in fifty failed.
The arms take turns, each in a process of its own; the least CPU time of some rounds counts.

    python -m benchmarks.reading
    python -m benchmarks.reading --quick --json
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path

from rich.console import Console
from rich.table import Table

from master.core.explaining.planned import plan_record
from master.core.planning.plan import Job, Plan, base_model_job_id
from master.core.running.commands import Transition
from master.core.running.lifecycle import State, Trigger
from master.specs import BaseModelSpec
from master.storage.journal import Journal
from master.storage.run_layout import RunLayout
from worker_agent.protocol.outcome import Finished, Outcome

ROOT = Path(__file__).resolve().parents[1]
ALLOWED = 2.0
"""Times as long as reading the journal once."""
JOBS, QUICK_JOBS, BASES = 100_000, 10_000, 100
ROUNDS = 3
READ = "read the journal once"
_READ = """import pathlib, sys
from master.storage.journal_reading import read_transitions
read_transitions(pathlib.Path(sys.argv[1]))"""


def history(job_id: str, failed: bool) -> Iterator[Transition]:
    """Yield the transitions of a job."""
    end = Finished(Outcome.FAILED if failed else Outcome.SUCCEEDED, exit_code=int(failed), duration_s=60.0)
    where = {"attempt": 1, "worker": "lab1"}
    yield Transition(1.0, job_id, Trigger.UNLOCK, State.READY, 0, None)
    yield Transition(2.0, job_id, Trigger.ASSIGN, State.ASSIGNED, **where)  # type: ignore[arg-type]
    yield Transition(3.0, job_id, Trigger.START, State.RUNNING, **where)  # type: ignore[arg-type]
    if failed:
        yield Transition(*(63.0, job_id, Trigger.FAIL, State.FAILED, 1, "lab1", "exit code 1"), finished=end)
    else:
        yield Transition(*(63.0, job_id, Trigger.FINISH, State.COLLECTING, 1, "lab1", ""), finished=end)
        yield Transition(
            *(64.0, job_id, Trigger.COLLECT, State.SUCCEEDED, 1, "lab1", ""), content_hash="c" * 64
        )


def write_journal(folder: Path, jobs: int) -> int:
    """Write the journal of a run and return how many transitions it has."""
    specs = [f"{number:032x}" for number in range(BASES)]
    bases = {spec: BaseModelSpec(spec, {"seed": number}) for number, spec in enumerate(specs)}
    ids = [f"alpha/lr={number / jobs:g}_seed={number}" for number in range(jobs)]
    phase1 = [Job(base_model_job_id(spec), phase=1, makes=spec) for spec in specs]
    phase2 = [Job(job_id, phase=2, needs=specs[n % BASES]) for n, job_id in enumerate(ids)]
    fields = {job_id: {"lr": number / jobs, "seed": number} for number, job_id in enumerate(ids)}
    lines = [line for number, job_id in enumerate(ids) for line in history(job_id, number % 50 == 0)]
    with closing(Journal(RunLayout(folder).journal)) as journal:
        journal.remember_jobs({job_id: job_id for job_id in ids}, fields)
        journal.remember_plan(plan_record(Plan((*phase1, *phase2), {}), bases))
        journal.append(lines)
    return len(lines)


def arms(folder: Path) -> Mapping[str, Sequence[str]]:
    """Return the words of each arm, by its name."""
    ps = [str(ROOT / "twophase.py"), "ps", "--run", str(folder)]
    return {
        READ: ["-c", _READ, str(RunLayout(folder).journal)],
        "ps": ps,
        "ps --failed": [*ps, "--failed"],
        "ps --where": [*ps, "--where", "seed=7"],
        "ps --json, all jobs": [*ps, "--json"],
    }


def cpu_seconds(words: Sequence[str]) -> float:
    """Return the CPU time of a process."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, *words], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> int:
    """Measure, print a table or an object, and return 1 where `ps` takes longer than allowed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.reading", description=__doc__)
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_JOBS:,} jobs, not {JOBS:,}")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        transitions = write_journal(Path(folder), QUICK_JOBS if options.quick else JOBS)
        rounds = [
            {name: cpu_seconds(words) for name, words in arms(Path(folder)).items()} for _ in range(ROUNDS)
        ]
    best = {name: min(times[name] for times in rounds) for name in rounds[0]}
    ratios = {f"{name} / {READ}": round(seconds / best[READ], 2) for name, seconds in best.items()}
    if options.json:
        seconds = {name: round(value, 3) for name, value in best.items()}
        print(json.dumps({"transitions": transitions, "cpu_s": seconds, "ratios": ratios}, indent=2))
    else:
        table = Table("", "CPU s", f"/ {READ}", title=f"{transitions:,} transitions")
        for (name, value), ratio in zip(best.items(), ratios.values(), strict=True):
            table.add_row(name, f"{value:.2f}", f"{ratio:.2f}")
        Console().print(table)
    return int(best["ps"] > ALLOWED * best[READ])


if __name__ == "__main__":
    sys.exit(main())
