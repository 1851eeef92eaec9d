"""`twophase plan`: `twophase run --dry-run`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from master.commands import run_two_phase
from master.commands.options.run_two_phase import parser as run_parser

NAME = "twophase plan"
_DRY_RUN = "--dry-run"


def parser() -> argparse.ArgumentParser:
    """Return the parser: the words are those of `twophase run`."""
    return run_parser(NAME)


def main(words: Sequence[str]) -> int:
    """Show the plan and return the exit code."""
    return run_two_phase.main([*words, _DRY_RUN], NAME)
