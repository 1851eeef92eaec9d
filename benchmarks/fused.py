"""Sibling jobs of personalisation: a process each, in turn in one process, and as one stacked model.

Every person is left out once: a base model of the others, then four fine-tunes to that person that differ in
their share of data and their seed.  Each arm has two workers of one thread each, and starts without any;
those of `resident` and `fused` are processes that stay for both stages.  All files of a result must be the
same in every arm, byte for byte.

    python -m benchmarks.fused --quick
    python -m benchmarks.fused --wisdm WISDM_ar_v1.1_transformed.arff --json

`--runs` measures the whole command `run_two_phase` by executor instead: process, warm, resident without
fusing, and resident with it; then the figures must be the same.
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import io
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

from benchmarks.fused_worker import DONE
from benchmarks.searches import ROOT, Search, run
from examples import digits_participants, wisdm_participants
from worker_agent.protocol.script_contract import flags

WORKERS = 2
SETTINGS = [{"target_data_pct": pct, "seed_finetune": seed} for pct, seed in product((1.0, 0.5), (0, 1))]
MODE = "target_only_fine_tuning"
Job = dict[str, Any]


@dataclass(frozen=True)
class People:
    """Participants' files, and how the trainer is called on them."""

    name: str
    folder: Path
    names: list[str]
    fields: Job

    def jobs(self) -> list[Job]:
        """Return the fine-tunes of all people: the jobs of a search."""
        common = {"participants": self.names, "data_path": str(self.folder), "mode": MODE, **self.fields}
        return [{"fold": fold, **common, **one} for fold in range(len(self.names)) for one in SETTINGS]


def digits(folder: Path, people: int, fields: Job) -> People:
    """Return participants who write digits."""
    with contextlib.redirect_stdout(io.StringIO()):
        digits_participants.write(folder, people)
    names = sorted({path.name.split("_")[0] for path in folder.glob("*_train.pt")})
    return People(f"{people} who write digits", folder, names, {"window_size": 8, "n_classes": 10, **fields})


def wisdm(folder: Path, arff: Path, people: int, fields: Job) -> People:
    """Return participants who walk, jog, sit and stand."""
    windows = wisdm_participants.read_windows(arff)
    with contextlib.redirect_stdout(io.StringIO()):
        names = wisdm_participants.write_people(folder, windows, 30)[:people]
    return People(f"{len(names)} of WISDM", folder, names, {"window_size": 43, "n_classes": 6, **fields})


def stages(people: People, root: Path) -> Iterator[tuple[str, list[list[str]]]]:
    """Yield each stage and the flags of its jobs, which write below `root`."""
    tunes = people.jobs()
    bases = [job for job in tunes if job["target_data_pct"] == 1.0 and job["seed_finetune"] == 0]
    yield "base", [_argv(job | {"mode": "base_only"}, root, "none") for job in bases]
    yield "tune", [_argv(job, root, str(number)) for number, job in enumerate(tunes)]


def _argv(job: Job, root: Path, result: str) -> list[str]:
    places = {"base_model_dir": f"{root}/base{job['fold']}", "output_dir": f"{root}/result{result}"}
    return flags({**job, **places, "device": "cpu"})


Work = Callable[[Sequence[list[str]]], None]
"""Runs jobs to their end."""


@contextlib.contextmanager
def apart() -> Iterator[Work]:
    """Run each job as a process, as many at a time as there are workers."""
    with ThreadPoolExecutor(WORKERS) as pool:
        yield lambda jobs: collections.deque(pool.map(_run, jobs), maxlen=0)


def _run(argv: list[str]) -> None:
    command = [sys.executable, "-m", "trainers.personalization", *argv]
    subprocess.run(command, cwd=ROOT, env=_environ(), check=True, stdout=subprocess.DEVNULL)


def shared(way: str) -> Callable[[], AbstractContextManager[Work]]:
    """Return what gives each worker its share of each stage's jobs, to be trained in turn or together."""

    @contextlib.contextmanager
    def begun() -> Iterator[Work]:
        command = [sys.executable, "-m", "benchmarks.fused_worker", way]
        how: Job = {"cwd": ROOT, "env": _environ(), "text": True}
        with contextlib.ExitStack() as stack:
            workers = [
                stack.enter_context(
                    subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, **how)
                )
                for _ in range(WORKERS)
            ]
            yield lambda jobs: _share(workers, jobs)

    return begun


def _share(workers: Sequence[subprocess.Popen[str]], jobs: Sequence[list[str]]) -> None:
    for number, worker in enumerate(workers):
        assert worker.stdin
        worker.stdin.write(json.dumps(jobs[number::WORKERS]) + "\n")
        worker.stdin.flush()
    for worker in workers:
        assert worker.stdout
        if worker.stdout.readline() != DONE:
            raise RuntimeError("a worker has failed; see what it told above")


def _environ() -> dict[str, str]:
    return {**os.environ, "OMP_NUM_THREADS": "1"}


ARMS = {"process": apart, "resident": shared("in-turn"), "fused": shared("together")}


def measured(people: People, folder: Path, arms: Collection[str]) -> dict[str, dict[str, float]]:
    """Return the seconds by arm, of stages and of processors; AssertionError where a file differs."""
    found: dict[str, dict[str, float]] = {}
    expected: dict[str, bytes] = {}
    for arm in (arm for arm in ARMS if arm in arms):
        root, cpu = folder / arm, _cpu_seconds()
        found[arm] = {}
        with ARMS[arm]() as work:
            for stage, jobs in stages(people, root):
                begin = time.perf_counter()
                work(jobs)
                found[arm][stage] = round(time.perf_counter() - begin, 2)
                print(f"{people.name}, {arm}, {stage}: {found[arm][stage]} s", file=sys.stderr, flush=True)
        found[arm]["whole"] = round(sum(found[arm].values()), 2)
        found[arm]["cpu"] = round(_cpu_seconds() - cpu, 2)
        written = {str(p.relative_to(root)): p.read_bytes() for p in root.rglob("*") if p.is_file()}
        _same(arm, written, expected)
        expected = written
    return found


def _cpu_seconds() -> float:
    """Return what ended processes took of processors: it tells more than seconds where others run, too."""
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return spent.ru_utime + spent.ru_stime


def _same(arm: str, written: dict[str, bytes], expected: dict[str, bytes]) -> None:
    if expected:
        assert written.keys() == expected.keys(), f"{arm} wrote other files"
        different = [name for name in written if written[name] != expected[name]]
        assert not different, f"{arm}: {len(different)} files differ, such as {different[0]}"


RUNS: dict[str, tuple[str, Job]] = {
    "process": ("process", {}),
    "warm": ("warm", {}),
    "resident": ("resident", {"fuse": "off"}),
    "fused": ("resident", {"fuse": "auto"}),
}


def measured_runs(people: People, folder: Path, arms: Collection[str]) -> dict[str, dict[str, float]]:
    """Return the seconds of the whole command by arm; AssertionError where a figure differs."""
    found, figures = {}, None
    for arm, (executor, fields) in RUNS.items():
        if arm not in arms:
            continue
        jobs = [job | fields for job in people.jobs()]
        took, now = run(Search(people.name, jobs, people.folder), ("--executor", executor), folder / arm)
        assert figures in (None, now), f"{people.name}: the figures of {arm} differ"
        assert len(now) >= len(jobs), f"{people.name}: {arm} has figures of {len(now)} of {len(jobs)} jobs"
        found[arm], figures = {"whole": round(took, 2)}, now
        print(f"{people.name}, {arm}: {took:.1f} s", file=sys.stderr, flush=True)
    return found


def main() -> int:
    """Measure, and print."""
    options = _parser().parse_args()
    fields = {"model": options.model, "lr": 2e-3, "no_plots": True}
    fields |= {"early_stopping_patience": 15, "early_stopping_patience_target": 15, "epochs": options.epochs}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        count = 4 if options.quick else options.people
        if options.wisdm:
            people = wisdm(folder / "data", options.wisdm, count, fields)
        else:
            people = digits(folder / "data", count, fields)
        found = (measured_runs if options.runs else measured)(people, folder, {*options.arms, "fused"})
    print(_told(people, found, as_json=options.json))
    return 0


def _told(people: People, found: dict[str, dict[str, float]], *, as_json: bool) -> str:
    ratios = {
        kind: {arm: round(stages[kind] / found["fused"][kind], 2) for arm, stages in found.items()}
        for kind in ("whole", "cpu")
        if kind in found["fused"]
    }
    if as_json:
        facts = {"cores": len(os.sched_getaffinity(0)), "load": os.getloadavg()[0], "results": "equal"}
        return json.dumps({"people": people.name, **facts, "seconds": found, "over_fused": ratios}, indent=2)
    lines = [f"{people.name}; results are equal", "| arm | seconds | over fused |", "| --- | --- | ---: |"]
    for arm, seconds in found.items():
        told = ", ".join(f"{kind} {value:.1f}" for kind, value in seconds.items())
        over = ", ".join(f"{kind} {of_arms[arm]:.2f}" for kind, of_arms in ratios.items())
        lines.append(f"| {arm} | {told} | {over} |")
    return "\n".join(lines)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--quick", action="store_true", help="four people")
    add("--json", action="store_true", help="print one JSON object")
    add("--wisdm", type=Path, metavar="FILE", help="WISDM_ar_v1.1_transformed.arff")
    add("--people", type=int, default=36)
    add("--model", choices=("test", "mlp", "cnn"), default="mlp")
    add("--epochs", type=int, default=100, help="at most, of either stage")
    add(
        "--arms", nargs="+", choices=tuple(RUNS), default=tuple(RUNS), help="beside fused; all where left out"
    )
    add("--runs", action="store_true", help="the whole command by executor")
    return parser


if __name__ == "__main__":
    sys.exit(main())
