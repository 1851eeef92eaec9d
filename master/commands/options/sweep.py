"""The flags that say which jobs there are: a sweep on the command line."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from master.commands.options.flag_types import bounded, whole_number
from master.intake.sweeps.words import (
    Named,
    SweepFlags,
    named_distribution,
    named_value,
    named_values,
    together,
)

Value = TypeVar("Value")
_MOST_SEED = 2**53

SWEEP_EXAMPLES = """\
  run_two_phase --script-path train.py --grid lr=1e-3,1e-4 --grid seed=0..4
  run_two_phase --script-path train.py --sample lr=log_uniform:1e-5,1e-2 --draws 20 --grid seed=0..2
"""


def add_sweep_options(parser: argparse.ArgumentParser) -> None:
    """Add the flags of a sweep, in a group of their own."""
    about = "without a jobs file, or for every job of it; values are JSON where they parse, else text"
    add = parser.add_argument_group("a sweep", about).add_argument
    add_many(add, "--grid", named_values, "NAME=V,…", "run with each value; 0..4 is 0, 1, 2, 3, 4")
    add_many(add, "--zip", named_values, "NAME=V,…", "run with the first value of each --zip, the second, …")
    drawn = "draw values, such as lr=log_uniform:1e-5,1e-2 (all distributions: docs/jobs.md)"
    add_many(add, "--sample", named_distribution, "NAME=DIST:…", drawn)
    add("--draws", type=whole_number, metavar="N", help="how often all of --sample are drawn")
    seed = bounded(int, 0, _MOST_SEED, "whole number (0 or more)")
    add("--draw-seed", type=seed, default=0, metavar="N", help="other draws for another number (0)")
    add_many(add, "--exclude", together, "NAME=V,…", "leave out what has all this: model=large,batch=256")
    add_many(add, "--set", named_value, "NAME=V", "the same value in all jobs, also over the jobs file's")


def add_many(
    add: Callable[..., Any], flag: str, parse: Callable[[str], object], metavar: str, text: str
) -> None:
    """Add a flag that may be given again and again."""
    add(flag, action="append", default=[], type=_told(parse), metavar=metavar, help=text)


def _told(parse: Callable[[str], Value]) -> Callable[[str], Value]:
    """Return a type for argparse that lets the user read what is wrong."""

    def parsed(text: str) -> Value:
        try:
            return parse(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from error

    return parsed


def take_sweep(parser: argparse.ArgumentParser, options: dict[str, Any]) -> SweepFlags:
    """Take the flags of a sweep out of parsed options.  Ends the process where they do not fit together."""
    flags = ("set", "grid", "zip", "sample", "draws", "draw_seed", "exclude")
    set_to, grid, zipped, sample, draws, seed, exclude = (options.pop(flag) for flag in flags)
    for flag, named in (("set", set_to), ("grid", grid), ("zip", zipped), ("sample", sample)):
        _refuse_twice(parser, flag, named)
    if bool(sample) != bool(draws):
        parser.error("--sample says what is drawn, --draws how often: give both, or neither")
    return SweepFlags(set_to, grid, zipped, sample, draws, seed, exclude)


def _refuse_twice(parser: argparse.ArgumentParser, flag: str, named: Sequence[Named]) -> None:
    names = [name for name, _ in named]
    for name in names:
        if names.count(name) > 1:
            parser.error(f"--{flag} {name} is given twice: give all its values at once, with commas between")
