"""Runs the real command over three workers while faults happen, and has each run judged."""

from __future__ import annotations

import random
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field

from master.core.running.lifecycle import State
from tests.chaos.evidence import Evidence, Happened, Spoils
from tests.chaos.faults import KINDS
from tests.chaos.jobs import Asked
from tests.chaos.judge import Verdict, judge
from tests.chaos.master_process import MasterProcess
from tests.chaos.place import NothingToHitError, Place, Scene
from tests.chaos.report import Report
from tests.chaos.schedule import Planned
from tests.chaos.tally import Execution, executions
from tests.chaos.watch import Watch

LOOK_S = 0.25
PATIENCE_S = 90.0
"""How long the next fault waits for progress."""
HANGS_S = 400.0
"""Without progress for so long, a run is given up as one that hangs."""
FEW = 12
"""With no more jobs left than this, nothing more is harmed: the run is to end."""
ENDED = (State.SUCCEEDED, State.FAILED, State.BLOCKED, State.CANCELLED)
CHANGES_CACHE = "base_model_written_to"


class HangsError(Exception):
    """The run makes no progress any more."""


@dataclass
class Round:
    """One run directory, from its first start to its end."""

    place: Place
    asked: Asked
    planned: Iterator[Planned]
    until: float
    """After this time nothing more is harmed, in seconds since 1970."""
    say: Callable[[str], None]
    faults: list[Happened] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.watch = Watch(self.place.run)
        self.begun = time.time()

    @property
    def master(self) -> MasterProcess:
        return self.place.master

    def play(self) -> Verdict:
        """Run to the end; return what the judge says."""
        self.master.start()
        try:
            while not self.over():
                if self.may_harm() and (planned := next(self.planned, None)):
                    self.harm(planned)
                else:
                    self.wait(1.0)
                    self.alive()
            verdict = judge(self.evidence())
            self.verify()
        except HangsError as error:
            verdict = Verdict(lost=[str(error)])
        finally:
            self.master.kill()
        verdict.complaints += self.place.complaints
        return verdict

    def may_harm(self) -> bool:
        """Return whether another fault is due."""
        wanted = sum(expected.succeeds for expected in self.asked.expected.values())
        left = wanted - self.watch.results_seen
        return time.time() < self.until and left > FEW and bool(self.watch.progress)

    def over(self) -> bool:
        """Return whether the run has ended; start it again where it ended before that."""
        code = self.master.exit_code
        if code is None:
            return False
        if code in (0, 1) and self.all_ended():
            return True
        said = self.master.last_words()
        needs = "--rebuild" in said and "--rebuild" not in said.splitlines()[0]
        if needs:
            self.master.rebuilds += 1
        elif self.master.starts > 2 * len(self.faults) + 3:
            raise HangsError(f"the master ends again and again, with {code}: {said[-500:]}")
        else:
            self.place.complaints.append(f"the master ended by itself with {code}: {said[-800:]}")
        self.master.start(*(["--rebuild"] if needs else []))
        return False

    def all_ended(self) -> bool:
        """Return whether all jobs that were asked for have ended."""
        states = self.place.run.states()
        return all(states.get(job) in ENDED for job in self.asked.expected)

    def harm(self, planned: Planned) -> None:
        """Do a fault, then wait for progress."""
        self.wait(planned.after_s)
        kind = KINDS[planned.kind]
        scene = Scene(self.place, self.place.stations[planned.worker], random.Random(planned.seed))
        begun = time.time()
        try:
            self.do(scene, planned.kind)
        except NothingToHitError as error:
            self.missed.append(kind.name)
            self.say(f"{kind.name} not done: {error}")
            return
        worker = scene.station.name if kind.on_worker else None
        done = Happened(kind.name, kind.spoils, begun, time.time(), worker, scene.job, kind.rots)
        self.faults.append(done)
        waited = self.wait_for_progress(done.ended)
        took = f"{done.kind} {worker or ''} {done.ended - done.begun:.1f} s"
        self.say(f"{took}, then {waited:.1f} s to the next progress")

    def do(self, scene: Scene, kind: str) -> None:
        """Harm, and look on while it lasts."""
        lasts = KINDS[kind].does(scene)
        if lasts is not None:
            with closing(lasts):  # type: ignore[type-var]
                for seconds in lasts:
                    self.wait(seconds)

    def wait(self, seconds: float) -> None:
        """Look on for so long."""
        end = time.monotonic() + seconds
        self.watch.look()
        while (left := end - time.monotonic()) > 0:
            time.sleep(min(LOOK_S, left))
            self.watch.look()

    def wait_for_progress(self, since: float) -> float:
        """Look on until there is progress after a time; return after how many seconds it came."""
        while True:
            later = [at for at in self.watch.progress if at >= since]
            if later:
                return min(later) - since
            if self.over() or (time.time() - since > PATIENCE_S and self.alive()):
                return time.time() - since
            self.wait(LOOK_S)

    def alive(self) -> bool:
        """Return True.  Raises HangsError when there has been no progress for far too long."""
        if time.time() - max(self.watch.progress, default=self.begun) > HANGS_S:
            raise HangsError(f"no progress for {HANGS_S:g} s: {self.master.last_words()[-800:]}")
        return True

    def evidence(self) -> Evidence:
        """Return what is known from outside."""
        ran = executions(self.place.tally.read_text().splitlines())
        changed = [_spoilt_by(each) for each in ran if self.asked.tricks.get(each.job) == CHANGES_CACHE]
        return Evidence(self.asked.expected, ran, self.watch.results(), [*self.faults, *changed])

    def verify(self) -> None:
        """Complain where `--verify` sees other damage at home than there is."""
        damaged = self.watch.damaged_base_models()
        argv = self.place.run.argv("--verify")
        done = subprocess.run(argv, env=self.place.run.environ(), capture_output=True, text=True, timeout=300)
        if (done.returncode == 1) != bool(damaged):
            told = (done.stdout + done.stderr)[-800:]
            self.place.complaints.append(
                f"--verify ended with {done.returncode}, damaged are {damaged}: {told}"
            )


def _spoilt_by(script: Execution) -> Happened:
    """Return what a script did that changed the base model which others on its worker were using."""
    ended = script.ended or script.started
    return Happened(CHANGES_CACHE, Spoils.WORKER, script.started, ended, script.host, rots=True)


def add_to(report: Report, round_: Round, verdict: Verdict) -> None:
    """Add a round to the sum."""
    evidence = round_.evidence()
    faults = [fault for fault in evidence.faults if fault.kind in KINDS]
    known = Evidence(evidence.expected, evidence.ran, evidence.results, faults)
    report.add(known, round_.watch.progress, verdict)
    report.missed.update(round_.missed)
    report.starts += round_.master.starts
    report.rebuilds += round_.master.rebuilds
