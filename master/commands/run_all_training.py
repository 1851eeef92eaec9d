"""`run_all_training`: find training scripts, run them all, say what came of each."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from master.commands.frame import Command
from master.commands.options.run_all_training import VERIFY, AllTrainingOptions, parse
from master.errors import UsageError

COMMAND = Command("run_all_training", config_error=UsageError.exit_code)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code; errors of the user are one message, never a traceback."""
    words = sys.argv[1:] if argv is None else list(argv)
    if words[:1] == [VERIFY]:
        return COMMAND.run(lambda: _verify(words[1:]))
    return COMMAND.run(lambda: _work(parse(words)))


def _verify(words: Sequence[str]) -> int:
    from master.orchestrator.self_test import main as verify

    return verify(words)


def _work(options: AllTrainingOptions) -> int:
    from master.commands.run_all_training_work import work  # help and wrong words do not wait for it

    return work(options)


if __name__ == "__main__":
    sys.exit(main())
