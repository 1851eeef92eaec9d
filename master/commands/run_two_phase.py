"""`run_two_phase`: train every base model once, then run every experiment from it."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from master.commands.frame import Command
from master.commands.options.run_two_phase import NAME, TwoPhaseOptions, parse

COMMAND = Command(NAME)


def main(argv: Sequence[str] | None = None, name: str = NAME) -> int:
    """Run the command and return its exit code; errors of the user are one message, never a traceback."""
    return COMMAND.run(lambda: _work(parse(argv, name)))


def _work(options: TwoPhaseOptions) -> int:
    from master.commands.run_two_phase_work import work  # help and wrong words do not wait for it

    return work(options)


if __name__ == "__main__":
    sys.exit(main())
