"""What it costs a running master that a verb asks it once a second, while 2,000 transitions a second pass.

The master is real: dispatcher, journal on disk, control socket.  Its workers end each job as soon as they are
let: so many jobs as make 2,000 transitions, then the next so many.  Once for each 2,000 transitions `twophase
ps`, a process of its own, asks this master, or looks at another run with as many jobs and no master: no load
on this machine changes how often that is.  Told is the CPU time of the master for a transition, and what a
verb takes of a second of it; the arms take turns, and of each the least counts.  How long an answer took is
told, in seconds by the clock.

    python -m benchmarks.verbs
    python -m benchmarks.verbs --quick --json
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from queue import SimpleQueue
from typing import Any, cast

from master.adapters.inbox import Inbox, Received
from master.core.explaining.planned import plan_record
from master.core.planning.plan import Job, Plan
from master.core.running import commands as cmd
from master.core.running import events as ev
from master.core.running.policy import Policy
from master.core.running.records import RunState
from master.runs.control.server import ControlServer
from master.runs.dispatcher import Dispatcher, Ports
from master.runs.notices import Notices, Transitions
from master.runs.snapshot import SharedState
from master.storage.journal import Journal
from master.storage.run_layout import RunLayout
from worker_agent.protocol import messages as msg
from worker_agent.protocol.outcome import Finished, Outcome

ROOT = Path(__file__).resolve().parents[1]
ALLOWED = 0.05
"""Of each second that a verb a second may take of a master: by so much falls what it can dispatch at most."""
A_SECOND = 2000
"""Transitions."""
SECONDS, QUICK_SECONDS, ROUNDS = 20, 5, 3
OF_A_JOB = 5
"""Transitions: unlocked, assigned, started, finished, home."""
SLOTS = 64
_PATIENCE_S = 120.0


@dataclass
class Workers:
    """They end the jobs that they are given when they are let, and hand over nothing."""

    inbox: Inbox
    welcome: None = None
    given: SimpleQueue[tuple[str, int]] = field(default_factory=SimpleQueue)
    seq: int = 0

    def start(self) -> None:
        """Come up."""
        self._say(ev.WorkerUp(time.time(), "lab1", SLOTS))

    def send(self, message: msg.ToAgent) -> None:
        """Take a launch; all else is for agents that are there."""
        if isinstance(message, msg.Launch):
            self.given.put((message.job_id, message.attempt))

    def collect(self, command: cmd.Collect) -> None:
        """Bring an outcome home at once."""
        self._say(ev.Collected(time.time(), command.job_id, command.attempt, ""))

    def end(self, jobs: int) -> None:
        """End so many jobs, as they come."""
        for _ in range(jobs):
            key = self.given.get(timeout=_PATIENCE_S)
            done = Finished(Outcome.SUCCEEDED, exit_code=0, started_at=time.time(), duration_s=1.0)
            self._say(ev.AttemptStarted(time.time(), "lab1", *key))
            self._say(ev.AttemptFinished(time.time(), "lab1", *key, done))

    def _say(self, event: ev.Event) -> None:
        self.seq += 1
        self.inbox.put(Received(event, "lab1", self.seq))


def ask(folder: Path) -> float:
    """Let `ps` look at a run, and return how long that took."""
    begin = time.perf_counter()
    words = [sys.executable, str(ROOT / "twophase.py"), "ps", "--run", str(folder), "--limit", "3"]
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - begin


def run(seconds: int, *, asked: bool) -> tuple[float, list[float]]:
    """Return the CPU seconds of a master for a transition, and how long each answer took."""
    jobs = [Job(f"alpha/seed={n}", phase=2) for n in range(seconds * A_SECOND // OF_A_JOB)]
    plan = Plan(tuple(jobs), {})
    with tempfile.TemporaryDirectory() as folder:
        layouts = [RunLayout(Path(folder, name)) for name in ("run", "other")]
        with closing(_journal(layouts[0], plan)) as journal, closing(_journal(layouts[1], plan)):
            state = RunState.fresh(plan, Policy(), ["lab1"])
            return _dispatched(layouts[0], journal, state, layouts[0 if asked else 1].root)


def _journal(layout: RunLayout, plan: Plan) -> Journal:
    journal = Journal(layout.journal)
    journal.remember_jobs({job.job_id: job.job_id for job in plan.jobs})
    journal.remember_plan(plan_record(plan, {}))
    return journal


def _launch(job_id: str, attempt: int, worker: str) -> msg.Launch:
    return msg.Launch(job_id, attempt, 2, ["true"])


def _dispatched(
    layout: RunLayout, journal: Journal, state: RunState, looked_at: Path
) -> tuple[float, list[float]]:
    inbox: Inbox = SimpleQueue()
    workers, shared, passed, took = Workers(inbox), SharedState(state), [0], list[float]()
    notices = Notices()
    notices.listen(Transitions, lambda told: passed.__setitem__(0, passed[0] + len(told.items)))
    anything = cast(Any, workers)
    ports = Ports({"lab1": anything}, anything, _launch, anything)
    dispatcher = Dispatcher(shared, journal, inbox, ports, notices.tell)

    def let() -> None:
        for _ in range(len(state.jobs) * OF_A_JOB // A_SECOND):
            asking = threading.Thread(target=lambda: took.append(ask(looked_at)))
            asking.start()
            workers.end(A_SECOND // OF_A_JOB)
            asking.join(_PATIENCE_S)

    with closing(ControlServer(layout, shared, inbox, {"lab1": anything})):
        letting = threading.Thread(target=let, daemon=True)
        begin = time.process_time()
        letting.start()
        dispatcher.run()
        used = time.process_time() - begin
        letting.join(_PATIENCE_S)
    return used / passed[0], took


def main(words: Sequence[str] | None = None) -> int:
    """Measure, print a line or an object, and return 1 where verbs cost a master more than allowed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.verbs", description=__doc__)
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_SECONDS} verbs a run, not {SECONDS}")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(words)
    seconds = QUICK_SECONDS if options.quick else SECONDS
    rounds = [(run(seconds, asked=False), run(seconds, asked=True)) for _ in range(ROUNDS)]
    alone, asked = min(one[0] for one, _ in rounds), min(two[0] for _, two in rounds)
    answers = sorted(took for _, (_, each) in rounds for took in each)
    share = (asked - alone) * A_SECOND
    found = {
        "cpu_us_of_a_transition": round(alone * 1e6, 1),
        "with_a_verb_for_each_2000": round(asked * 1e6, 1),
        "share_of_a_second": round(share, 4),
        "answers_s": {"median": round(answers[len(answers) // 2], 3), "most": round(answers[-1], 3)},
    }
    print(json.dumps(found, indent=2) if options.json else "\n".join(f"{k}: {v}" for k, v in found.items()))
    return int(share > ALLOWED)


if __name__ == "__main__":
    sys.exit(main())
