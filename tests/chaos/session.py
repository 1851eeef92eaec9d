"""One seed's runs, one after the other over the same three workers, until their time is up."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from tests.chaos.driver import Round, add_to
from tests.chaos.faults import KINDS
from tests.chaos.jobs import RETRIES, ask
from tests.chaos.judge import Verdict
from tests.chaos.master_process import MasterProcess
from tests.chaos.place import DISK, Place, Station, keep_logs, stations
from tests.chaos.report import Report
from tests.chaos.schedule import schedule
from tests.e2e.cluster import LEDGER, server
from tests.e2e.containers import Lab
from tests.e2e.image import connect_engine, worker_image
from tests.support.runs import Run

SCRIPT = Path(__file__).parent / "script" / "job.py"
SLOTS = 4
FLAGS = ("--retries", str(RETRIES), "--max-failures", "0", "--quiet")


@dataclass(frozen=True)
class Chosen:
    """What is asked of a session."""

    seed: int
    seconds: float
    """After so long nothing more is harmed; the last run is let come to its end."""
    jobs: int = 300
    """Of each run."""
    most_job_s: float = 6.0
    kinds: Sequence[str] = tuple(sorted(KINDS))
    runs: int | None = None
    """How many at most."""
    faults: int | None = None
    """How many at most, of all runs together."""


def play(chosen: Chosen, out: Path, say: Callable[[str], None]) -> Report:
    """Run until the time is up; what is left of runs with a broken promise stays below `out`."""
    report, begun = Report(chosen.seed), time.time()
    planned = islice(schedule(chosen.seed, chosen.kinds, 3), chosen.faults)
    with laboratory() as (lab, found, ledger):
        while time.time() - begun < chosen.seconds and report.runs != chosen.runs:
            number = report.runs
            place = _place(lab, found, ledger, out / f"run-{number}")
            asked = ask(chosen.seed, number, chosen.jobs, chosen.most_job_s)
            place.run.write("jobs.json", asked.content)
            round_ = Round(place, asked, planned, begun + chosen.seconds, say)
            verdict = round_.play()
            add_to(report, round_, verdict)
            report.seconds = time.time() - begun
            _clear(place, verdict, say)
    return report


@contextmanager
def laboratory() -> Iterator[tuple[Lab, list[Station], Path]]:
    """Yield three workers with disks of their own, and the folder that all of them see."""
    folder = Path(tempfile.mkdtemp(prefix="twophase-chaos-"))
    folder.chmod(0o711)
    ledger = folder / "ledger"
    ledger.mkdir()
    try:
        with (
            connect_engine() as engine,
            Lab(engine, worker_image(engine), folder / "lab") as lab,
            stations(lab, ledger) as found,
        ):
            yield lab, found, ledger
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _place(lab: Lab, found: list[Station], ledger: Path, root: Path) -> Place:
    root.mkdir(parents=True)
    tally = ledger / root.name
    tally.touch()
    # The workers' users are not the head node's.
    tally.chmod(0o666)
    settings = {"state_dir": f"{DISK}/state", "cpu_slots": SLOTS}
    config = {**lab.client.files, "env": {"TALLY": f"{LEDGER}/{tally.name}"}}
    run = Run(root, [server(station.worker, **settings) for station in found], [], SCRIPT, config)
    return Place(lab, found, run, MasterProcess(run, root / "master.log", *FLAGS), tally, root)


def _clear(place: Place, verdict: Verdict, say: Callable[[str], None]) -> None:
    """Remove what a run has left, unless somebody will want to look at it."""
    if verdict.broken:
        shutil.copyfile(place.tally, place.root / "tally")
        keep_logs(place, place.root / "agents")
        say(f"kept in {place.root}: {verdict.broken}")
    else:
        shutil.rmtree(place.root)
