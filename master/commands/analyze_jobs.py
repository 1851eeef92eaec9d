"""`analyze_jobs`: what a jobs file would train, before anything is trained."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from master.commands.frame import Command
from master.commands.options.analyze_jobs import parse
from master.intake.sweeps.words import SweepFlags

_COMMAND = Command("analyze_jobs")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    return _COMMAND.run(lambda: _work(*parse(argv)))


def _work(arguments: argparse.Namespace, sweep: SweepFlags) -> int:
    from master.commands.analyze_jobs_work import work  # help and wrong words do not wait for it

    return work(arguments, sweep)


if __name__ == "__main__":
    sys.exit(main())
