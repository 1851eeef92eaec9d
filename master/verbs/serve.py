"""`twophase serve`: a master that stands by for jobs."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace

from master.commands.frame import Command
from master.commands.options.run_two_phase import TwoPhaseOptions
from master.commands.options.serve import NAME, parse_serve
from master.commands.options.serve import parser as serve_parser
from master.commands.options.usual_config import usual_config


def parser() -> argparse.ArgumentParser:
    """Return the parser."""
    return serve_parser()


def main(words: Sequence[str]) -> int:
    """Stand until the user ends it and return the exit code."""
    command = Command(NAME)
    return command.run(lambda: _serve(command, parse_serve(words)))


def _serve(command: Command, options: TwoPhaseOptions) -> int:
    usual = None if options.cluster_config else usual_config()
    if usual is not None:
        command.say(f"the workers are those of {usual} here; --cluster-config names others")
        options = replace(options, cluster_config=usual)
    from master.commands.additions.standing import serve  # help and wrong words do not wait for it

    return serve(options)
