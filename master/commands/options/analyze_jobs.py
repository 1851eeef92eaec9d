"""The command line of `analyze_jobs`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from master.commands.options.parser import new_parser
from master.commands.options.sweep import add_sweep_options, take_sweep
from master.intake.sweeps.words import SweepFlags

_DESCRIPTION = """\
Show which base models a jobs file needs, how many jobs share each, and what sharing saves.
Nothing is trained and no worker is asked.

Jobs share a base model when every field that identifies it is equal. Where a base model is needed more often
than you expect, look at "Base models that differ in one field": it names the field that keeps them apart.
docs/analyze_jobs.md explains the figures, docs/jobs.md the file."""

_EPILOG = """\
examples:
  analyze_jobs jobs.json
  analyze_jobs jobs.json --script-path train.py --json | jq .trainings_saved
  analyze_jobs --script-path train.py --grid lr=1e-3,1e-4 --grid seed=0..4
  analyze_jobs jobs.json --run-dir .       with GPU-hours, from base models that are already trained

exit codes: 0 done, 2 wrong usage, 3 a file is wrong"""


def parse(argv: Sequence[str] | None) -> tuple[argparse.Namespace, SweepFlags]:
    """Return the options of a command line.  Ends the process with code 2 where it is wrong."""
    commands = parser()
    given = vars(commands.parse_args(argv))
    sweep = take_sweep(commands, given)
    if given["jobs"] is None and not sweep.given:
        commands.error("no jobs: give a jobs file, or a sweep such as --grid lr=1e-3,1e-4")
    return argparse.Namespace(**given), sweep


def parser() -> argparse.ArgumentParser:
    """Return the parser."""
    result = new_parser("analyze_jobs", _DESCRIPTION, _EPILOG)
    add = result.add_argument
    add("jobs", nargs="?", type=Path, metavar="jobs.json", help="the jobs file, JSON or YAML (.yaml, .yml)")
    add("--json", action="store_true", help="print one JSON object instead of tables")
    add("--run-dir", type=Path, metavar="DIR", help="folder with experiments/, to read durations from")
    code = result.add_mutually_exclusive_group()
    code.add_argument("--script-path", type=Path, metavar="FILE", help="your training script")
    code.add_argument("-m", dest="module", metavar="MODULE", help="your training module, as for `python -m`")
    code.add_argument("--trainer", metavar="NAME", help="a built-in trainer (default: personalization)")
    add("--project-root", type=Path, metavar="DIR", help="as for run_two_phase")
    add("--cluster-config", type=Path, metavar="F", help="tells what beside the script is no code")
    add_sweep_options(result)
    return result
