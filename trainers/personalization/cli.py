"""Flags in, exit code out.  torch is imported only where something is trained: help is told at once."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from trainers.common.errors import exit_code_of
from trainers.personalization.options import parse


def main(argv: Sequence[str] | None = None) -> int:
    """Run one job and return the exit code; a user's error is one line on stderr."""
    return exit_code_of(lambda: _run(sys.argv[1:] if argv is None else argv), "error", sys.stderr)


def _run(argv: Sequence[str]) -> None:
    options = parse(argv)
    from trainers.personalization.job import run_job

    run_job(options)
