"""Many short jobs that import torch, under each executor and as a shell loop of `python …`.

Every arm runs the same program with the same seeds: a small network that is trained for less than a second,
on one thread of the CPU.  The agent's arms run as many jobs at a time as there are cores; the shell loop runs
one after the other, as people write it, and once more with as many at a time (`xargs -P`).  Results are
compared job by job, to the last bit.

    python -m benchmarks.executors --quick
    python -m benchmarks.executors --json
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

from rich.console import Console
from rich.table import Table

from tests.integration.agent_harness import Host, Master
from worker_agent.protocol import messages as msg
from worker_agent.protocol.events import Event
from worker_agent.protocol.outcome import Finished
from worker_agent.protocol.trainer_start import TRAINER_CODE, start_file, start_text

CORES = len(os.sched_getaffinity(0))
SHELL, PARALLEL = "shell loop", f"shell loop, {CORES} at a time"
TRAINER = """
import argparse, json, sys, time
import torch

def thread_main(argv, environ, output):
    began = time.time()
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int)
    parser.add_argument("--steps", type=int)
    parser.add_argument("--out")
    options = parser.parse_args(argv)
    chance = torch.Generator().manual_seed(options.seed)
    X_ND = torch.randn(256, 16, generator=chance)
    y_N1 = (X_ND[:, :1] * X_ND[:, 1:2] > 0).float()
    W_DH = torch.randn(16, 32, generator=chance).mul_(0.3).requires_grad_()
    W_H1 = torch.randn(32, 1, generator=chance).mul_(0.3).requires_grad_()
    optimizer = torch.optim.Adam([W_DH, W_H1], lr=1e-2)
    for _ in range(options.steps):
        loss = torch.nn.functional.binary_cross_entropy_with_logits(torch.relu(X_ND @ W_DH) @ W_H1, y_N1)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with open(f"{options.out}/result.json", "w") as stream:
        json.dump({"loss": loss.item(), "weights": W_H1.flatten().tolist()}, stream)
    print("began", began, "seconds", round(time.time() - began, 3), file=output, flush=True)
    return 0
"""
MAIN = "import os, sys\nfrom trainers.tiny.thread_main import thread_main\ndef main():\n" + (
    "    return thread_main(sys.argv[1:], os.environ, sys.stdout)\n"
)
FILES = {
    "trainers/__init__.py": "",
    "trainers/tiny/__init__.py": "",
    "trainers/tiny/thread_main.py": TRAINER,
    "trainers/tiny/__main__.py": MAIN,
    start_file("tiny"): start_text("tiny"),
}


@dataclass(frozen=True)
class Arm:
    """What one way of running the jobs came to."""

    name: str
    jobs: int
    seconds: float
    results: Mapping[int, str]
    """What each job wrote, by its number."""

    @property
    def rate(self) -> float:
        return self.jobs / self.seconds


class Bench:
    """One directory with the program, and the ways to run it."""

    def __init__(self, root: Path, jobs: int, steps: int) -> None:
        self.root, self.jobs, self.steps = root, jobs, steps
        for name, text in FILES.items():
            path = root / "code" / TRAINER_CODE / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    def argv(self, seed: int | str, out: str) -> list[str]:
        started = f"{TRAINER_CODE}/{start_file('tiny')}"
        return [started, "--seed", str(seed), "--steps", str(self.steps), "--out", out]

    def shell(self, name: str) -> Arm:
        """Run the jobs as a line of shell does, one or several at a time."""
        out = self.root / name.replace(" ", "_").replace(",", "")
        one = " ".join([shlex.quote(sys.executable), *self.argv("$1", f"{out}/$1")])
        body = f'mkdir -p {out}/"$1" && {one}'
        many = "" if name == SHELL else f"-P {CORES} "
        line = f"seq 0 {self.jobs - 1} | xargs {many}-I N sh -c {shlex.quote(body)} sh N"
        env = {**os.environ, "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
        started = time.perf_counter()
        subprocess.run(
            ["sh", "-c", line], cwd=self.root / "code", env=env, check=True, stdout=subprocess.DEVNULL
        )
        seconds = time.perf_counter() - started
        results = {number: (out / str(number) / "result.json").read_text() for number in range(self.jobs)}
        return Arm(name, self.jobs, seconds, results)

    def agent(self, executor: str) -> Arm:
        """Run the jobs under an executor of an agent that has just been started."""
        host, master, mounts = self._agent(executor)
        try:
            started = time.perf_counter()
            for number in range(self.jobs):
                self._launch(master, number, executor, mounts)
            done = dict(_next(master) for _ in range(self.jobs))
            seconds = time.perf_counter() - started
        finally:
            host.close()
        strange = [item for item in done.values() if not item.succeeded or item.executor != executor]
        if strange:
            raise SystemExit(f"{executor}: {strange[0]}")
        return Arm(executor, self.jobs, seconds, {number: _result(item) for number, item in done.items()})

    def latency_s(self, executor: str, tries: int) -> float:
        """Return the seconds from a launch until the job has imported all: the median of lone jobs."""
        host, master, mounts = self._agent(f"{executor} alone")
        try:
            taken = []
            for number in range(tries + 1):
                sent = time.time()
                self._launch(master, number, executor, mounts)
                log = base64.b64decode((master.finished(f"j{number}").inline or {})[""]).decode()
                taken.append(float(log.split()[1]) - sent)
        finally:
            host.close()
        # The first one waits for the imports of the others.
        return median(taken[1:])

    def _agent(self, name: str) -> tuple[Host, Master, list[dict[str, Any]]]:
        host = Host(self.root / name)
        master = host.connect(cpu_slots=CORES)
        code = host.deliver(FILES)
        master.send(msg.Delivered(code))
        master.settle()
        return host, master, [{"at": TRAINER_CODE, "artefact": code}]

    def _launch(self, master: Master, number: int, executor: str, mounts: list[dict[str, Any]]) -> None:
        argv = ["{python}", *self.argv(number, "{output_dir}")]
        master.launch(f"j{number}", "", argv=argv, executor=executor, mounts=mounts)


def _next(master: Master) -> tuple[int, Finished]:
    """Return the number of the next job to end, and how it ended."""
    event = master.wait(lambda item: isinstance(item, Event) and item.kind == "finished")
    return int(event.job_id[1:]), event.detail


def _result(done: Finished) -> str:
    return base64.b64decode((done.inline or {})["result.json"]).decode()


def measure(jobs: int, steps: int, tell: Callable[[str], None]) -> dict[str, Any]:
    """Run all arms and return what came of them as JSON types."""
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder), jobs, steps)
        arms: list[Arm] = []
        for name in (SHELL, PARALLEL):
            tell(name)
            arms.append(bench.shell(name))
        for name in ("process", "warm", "resident"):
            tell(name)
            arms.append(bench.agent(name))
        tell("lone jobs")
        latency = {name: bench.latency_s(name, 5) for name in ("process", "warm", "resident")}
    first = arms[0]
    rows = [{**asdict(arm), "rate": arm.rate, "ratio": arm.rate / first.rate} for arm in arms]
    equal = {arm.name: arm.results == first.results for arm in arms}
    for row in rows:
        del row["results"]
    ratios = {f"{arm.name} over shell loop": arm.rate / first.rate for arm in arms[1:]}
    ratios["warm over five times the shell loop"] = arms[3].rate / first.rate / 5
    return {"arms": rows, "equal": equal, "latency_s": latency, "ratios": ratios, "cores": CORES}


def show(found: dict[str, Any], console: Console) -> None:
    """Print the figures as a table."""
    table = Table(title=f"{found['arms'][0]['jobs']} jobs that import torch, {found['cores']} cores")
    for heading in ("", "seconds", "jobs/s", "times the loop", "equal results", "launch to imported"):
        table.add_column(heading, justify="right" if heading else "left")
    for row in found["arms"]:
        name = row["name"]
        latency = found["latency_s"].get(name)
        table.add_row(
            *(name, f"{row['seconds']:.1f}", f"{row['rate']:.2f}", f"{row['ratio']:.1f}"),
            "yes" if found["equal"][name] else "NO",
            f"{latency * 1e3:.0f} ms" if latency is not None else "",
        )
    console.print(table)


def main() -> int:
    """Measure, print, and return 1 where results differ."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--jobs", type=int, default=60, help="jobs of each arm (60)")
    parser.add_argument("--steps", type=int, default=300, help="steps of training of each job (300)")
    parser.add_argument("--quick", action="store_true", help="6 jobs: shows that it works, not how fast")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    options = parser.parse_args()
    console = Console(stderr=True)
    found = measure(6 if options.quick else options.jobs, options.steps, lambda text: console.print(text))
    if options.json:
        print(json.dumps(found, indent=2))
    else:
        show(found, Console())
    return 0 if all(found["equal"].values()) else 1


if __name__ == "__main__":
    sys.exit(main())
