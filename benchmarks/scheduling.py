"""What the core of a run costs a job, and how long its slowest event takes: no process, no disk, no clock.

A run is played through: every worker comes up, every attempt starts, ends and comes home, each an event.
Base models are in the store, and in nobody's cache.  `--train` trains them first.
"""

from __future__ import annotations

import argparse
import gc
import json
import statistics
import time
from collections import deque
from collections.abc import Iterator, Sequence

from master.core.planning.plan import Job, Plan, base_model_job_id
from master.core.running import commands as cmd
from master.core.running import events as ev
from master.core.running.policy import Policy
from master.core.running.records import Outbox, RunState
from master.core.running.run_state import begin, step
from worker_agent.protocol.outcome import Finished, Outcome

try:  # versions before it did all in one step
    from master.core.running.run_state import has_more_to_do
except ImportError:

    def has_more_to_do(state: RunState) -> bool:
        """Return False: nothing was ever left undone."""
        return False


ROUNDS = 4
"""The same events again: of each the fastest counts, in processor time."""
FEW, MANY = 100, 5_000
"""Base models."""
JOBS = 20_000
JOB_S = 60.0


def plan_of(jobs: int, bases: int, train: bool) -> Plan:
    """Return a plan in which every base model has equally many jobs."""
    specs = [f"{number:064x}" for number in range(bases)]
    phase1 = [Job(base_model_job_id(spec), phase=1, makes=spec, kind="base model") for spec in specs]
    phase2 = [Job(f"job{n}", phase=2, needs=specs[n % bases], kind="job") for n in range(jobs)]
    return Plan((*(phase1 if train else ()), *phase2), {} if train else {spec: f"c{spec}" for spec in specs})


class Play:
    """One run, and what each of its events took."""

    def __init__(self, plan: Plan, workers: int, slots: int) -> None:
        names = [f"w{number}" for number in range(workers)]
        self.state = RunState.fresh(plan, Policy(), names)
        self.now, self.seconds, self.kinds = 0.0, list[float](), list[str]()
        self._events = deque[ev.Event](ev.WorkerUp(0.0, name, slots) for name in names)
        self._take(begin(self.state, 0.0))

    def run(self) -> None:
        """Play to the end."""
        while not self.state.finished:
            if has_more_to_do(self.state):
                self._step(ev.GoOn(self.now))
            elif self._events:
                self._step(self._events.popleft())
            else:
                self.now += 0.25
                self._step(ev.Tick(self.now))

    def _step(self, event: ev.Event) -> None:
        begun = time.thread_time()
        out = step(self.state, event)
        self.seconds.append(time.thread_time() - begun)
        self.kinds.append(type(event).__name__)
        self._take(out)

    def _take(self, out: Outbox) -> None:
        for command in out.commands:
            self._events.extend(self._answers(command))

    def _answers(self, command: cmd.Command) -> Iterator[ev.Event]:
        if isinstance(command, cmd.StartAttempt):
            key = (command.worker, command.job_id, command.attempt)
            end = Finished(Outcome.SUCCEEDED, exit_code=0, duration_s=JOB_S)
            yield ev.AttemptStarted(self.now, *key)
            yield ev.AttemptFinished(self.now, *key, end)
        elif isinstance(command, cmd.Collect):
            yield ev.Collected(self.now, command.job_id, command.attempt, f"c{command.job_id}")


def played(jobs: int, bases: int, train: bool, workers: int, slots: int) -> tuple[list[float], list[str]]:
    """Return what each event took, in seconds, and its kind."""
    rounds = []
    for _ in range(ROUNDS):
        play = Play(plan_of(jobs, bases, train), workers, slots)
        gc.collect()
        gc.disable()
        play.run()
        gc.enable()
        rounds.append(play.seconds)
    return [min(times) for times in zip(*rounds, strict=True)], play.kinds


def told(jobs: int, bases: int, train: bool, workers: int, slots: int) -> dict[str, float | str]:
    """Return the figures of one run."""
    seconds, kinds = played(jobs, bases, train, workers, slots)
    slowest, median = max(seconds), statistics.median(seconds)
    return {
        "jobs": jobs,
        "base_models": bases,
        "workers": workers,
        "us_per_job": round(1e6 * sum(seconds) / (jobs + (bases if train else 0)), 1),
        "median_us": round(1e6 * median, 2),
        "slowest_us": round(1e6 * slowest, 1),
        "slowest_over_median": round(slowest / median, 1),
        "slowest_is": kinds[seconds.index(slowest)],
    }


def main(argv: Sequence[str] | None = None) -> int:
    """Print the figures and their ratios as JSON; the exit code is 0."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scheduling", description=__doc__)
    parser.add_argument("--jobs", type=int, default=JOBS)
    parser.add_argument("--train", action="store_true", help="train the base models, too")
    args = parser.parse_args(argv)
    few, many = (told(args.jobs, bases, args.train, 50, 8) for bases in (FEW, MANY))
    wide = told(args.jobs, FEW, args.train, 1000, 8)
    ratio = float(many["us_per_job"]) / float(few["us_per_job"])
    print(json.dumps({"few": few, "many": many, "many_over_few": round(ratio, 3), "wide": wide}, indent=1))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
