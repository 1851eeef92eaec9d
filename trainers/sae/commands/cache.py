"""`train_sae cache`: what is kept of prepared activations, and how often it helped."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import TextIO

from trainers.common.errors import BadInput
from trainers.common.prepared_cache import Figures, open_cache


def run(argv: Sequence[str], stream: TextIO) -> None:
    """Tell of the cache, or empty it; BadInput where there is none."""
    flags = _parser().parse_args(argv)
    cache, why = open_cache(flags.prepared_cache)
    if cache is None:
        raise BadInput(f"there is no cache of prepared activations: {why or 'it is off'}")
    freed = cache.clear() if flags.clear else None
    figures = cache.figures()
    if flags.json:
        told = {**asdict(figures), "hit_rate": figures.hit_rate}
        print(json.dumps(told if freed is None else {**told, "freed": freed}), file=stream)
    else:
        print(_line(figures) if freed is None else f"{figures.folder}: freed {freed >> 20} MiB", file=stream)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("train_sae cache", description=__doc__)
    parser.add_argument("--clear", action="store_true", help="delete all entries")
    parser.add_argument("--json", action="store_true", help="for programs")
    parser.add_argument("--prepared-cache", "--prepared_cache", help="folder, by default the user's")
    return parser


def _line(figures: Figures) -> str:
    return (
        f"{figures.folder}: {figures.entries} entries, {figures.bytes >> 20} MiB of at most "
        f"{figures.limit >> 20}; {figures.hits} of {figures.hits + figures.misses} looks found theirs "
        f"({figures.hit_rate:.0%})"
    )
