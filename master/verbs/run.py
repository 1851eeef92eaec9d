"""`twophase run`: the command `run_two_phase` under the program's name."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from master.commands import run_two_phase
from master.commands.options.run_two_phase import parser as run_parser

NAME = "twophase run"


def parser() -> argparse.ArgumentParser:
    """Return the parser."""
    return run_parser(NAME)


def main(words: Sequence[str]) -> int:
    """Run and return the exit code."""
    return run_two_phase.main(words, NAME)
