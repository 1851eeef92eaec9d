"""`run_two_phase`: train every base model once, then run every experiment from it."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from master.commands.frame import Command
from master.commands.options.run_two_phase import NAME, TwoPhaseOptions, parse
from master.commands.options.usual_config import usual_config

if TYPE_CHECKING:
    from master.runs.worker_check import Look

COMMAND = Command(NAME)


def main(argv: Sequence[str] | None = None, name: str = NAME) -> int:
    """Run the command and return its exit code; errors of the user are one message, never a traceback."""
    return COMMAND.run(lambda: _work(with_usual_config(parse(argv, name), name)))


def with_usual_config(options: TwoPhaseOptions, name: str) -> TwoPhaseOptions:
    """Return the options, with the cluster config that lies here where none is named, and say so.

    `run_two_phase` has always used this machine alone then, and only says what it leaves unused.
    """
    usual = None if options.cluster_config or options.verify else usual_config()
    if usual is None:
        return options
    if name == NAME:
        COMMAND.say(f"{usual} lies here and is not used: give --cluster-config {usual}")
        return options
    COMMAND.say(f"the workers are those of {usual} here; --cluster-config names others")
    return replace(options, cluster_config=usual)


def _work(options: TwoPhaseOptions) -> int:
    ahead = _look_ahead(options)
    from master.commands.run_two_phase_work import work  # help and wrong words do not wait for it

    return work(options, ahead) if ahead else work(options)


def _look_ahead(options: TwoPhaseOptions) -> Look | None:
    """Let this machine be looked at while a plan's modules are loaded, where it is the one worker."""
    if not options.dry_run or options.verify or options.cluster_config is not None:
        return None
    from master.runs.worker_check import look_ahead

    return look_ahead()


if __name__ == "__main__":
    sys.exit(main())
