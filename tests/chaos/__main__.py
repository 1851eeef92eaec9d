"""`scripts/chaos`: long runs under faults."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.chaos.faults import KINDS
from tests.chaos.report import as_json, as_text
from tests.chaos.script.hostile import TRICKS
from tests.chaos.session import Chosen, play
from tests.support.needs import UnavailableError

MORE = """
what happens:
  Three workers are started in containers, each with a small disk of its own.  run_two_phase runs jobs on
  them, one run directory after the other, one job in five by a hostile script.  Meanwhile faults happen, one
  after the other: each kind once in a random order, then each again in another.  The next one waits until
  there was progress after the one before.  The jobs tell a tally outside what they were given and what they
  wrote; a run that has ended is judged by that alone.

what is promised, and counted where it is not kept:
  lost          a job that should have a result has none, or one from nowhere
  doubled       a result that was recorded twice, or changed after it was there
  wrong bytes   a job that used another base model than its own, or a result that is not what its script wrote
  needless      an execution that was done again though no fault had spoilt it
  complaints    whatever else is not as docs/running.md says: a master that ends by itself, a second one that
                is let in
  late          95 of 100 faults are followed by progress within 30 s of their end

exit codes:
  0 every promise was kept    1 one was not    2 wrong command line, or no root, docker engine or image

examples:
  scripts/chaos --hours 0.75 --seed 1
  scripts/chaos --minutes 5 --only kill_agent,wipe_work --seed 7 --json
  scripts/chaos --list

The same seed gives the same jobs and the same faults in the same order; when each comes depends on how fast
the machine is.  What is left of a run with a broken promise stays below --out: journal, tally, logs of the
master and the agents, and faults.log with the time of each fault.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    options = _parser().parse_args(argv)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # containers and disks are to go with us
    if options.list:
        print(_listed())
        return 0
    kinds = options.only.split(",") if options.only else sorted(KINDS)
    unknown = sorted(set(kinds) - set(KINDS))
    if unknown or os.getuid() != 0:
        named = f"no such fault: {', '.join(unknown)}; --list names all"
        reason = named if unknown else "only root can mount disks and filter packets"
        print(f"chaos: {reason}", file=sys.stderr)
        return 2
    return _play(options, kinds)


def _play(options: argparse.Namespace, kinds: list[str]) -> int:
    seconds = 60 * options.minutes if options.minutes else 3600 * options.hours
    chosen = Chosen(options.seed, seconds, options.jobs, kinds=kinds)
    options.out.mkdir(parents=True, exist_ok=True)
    out = options.out / time.strftime(f"%Y%m%d-%H%M%S-seed-{options.seed}")
    out.mkdir()
    try:
        report = play(chosen, out, _teller(out / "faults.log"))
    except UnavailableError as error:
        print(f"chaos: {error}", file=sys.stderr)
        return 2
    (out / "report.json").write_text(json.dumps(as_json(report), indent=2) + "\n")
    print(json.dumps(as_json(report), indent=2) if options.json else as_text(report))
    return 1 if report.broken else 0


def _teller(path: Path) -> Callable[[str], None]:
    def say(text: str) -> None:
        line = f"{time.strftime('%H:%M:%S')} {text}"
        print(line, file=sys.stderr, flush=True)
        with path.open("a") as stream:
            stream.write(f"{line}\n")

    return say


def _listed() -> str:
    faults = [f"  {kind.name:26} {kind.told} May cost: {kind.spoils.value}." for kind in KINDS.values()]
    tricks = [f"  {name:26} {trick.ends}" for name, trick in sorted(TRICKS.items())]
    return "\n".join([f"{len(faults)} kinds of faults:", *faults, f"{len(tricks)} hostile scripts:", *tricks])


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="scripts/chaos",
        description="Run real jobs on three container workers under seeded faults, and judge from outside.",
        epilog=MORE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    time_up = parser.add_mutually_exclusive_group()
    time_up.add_argument("--hours", type=float, default=1.0, help="how long faults happen (1)")
    time_up.add_argument("--minutes", type=float, help="the same in minutes")
    parser.add_argument("--seed", type=int, default=0, help="other jobs and faults for another number (0)")
    parser.add_argument("--jobs", type=int, default=300, help="jobs of each run directory (300)")
    parser.add_argument("--only", metavar="KIND,…", help="these kinds of faults alone")
    parser.add_argument(
        "--out", type=Path, default=Path(".cache/chaos"), help="where what is left goes (.cache/chaos)"
    )
    parser.add_argument("--json", action="store_true", help="print the figures as one JSON object")
    parser.add_argument(
        "--list", action="store_true", help="name the kinds of faults and the hostile scripts"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
