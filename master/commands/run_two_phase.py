"""`run_two_phase`: train every base model once, then run every experiment from it."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from master.commands.frame import Command
from master.commands.options.run_two_phase import NAME, TwoPhaseOptions, parse

if TYPE_CHECKING:
    from master.runs.worker_check import Look

COMMAND = Command(NAME)


def main(argv: Sequence[str] | None = None, name: str = NAME) -> int:
    """Run the command and return its exit code; errors of the user are one message, never a traceback."""
    return COMMAND.run(lambda: _work(parse(argv, name)))


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
