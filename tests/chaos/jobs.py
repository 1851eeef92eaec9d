"""The jobs of a run, from a seed, and what must become of each.  Pure."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.chaos.evidence import Expected
from tests.chaos.script.base_model import base_bytes, digest
from tests.chaos.script.hostile import SUCCEEDED, TRICKS

PREFIX = "chaos"
RETRIES = 2
HOSTILE_SHARE = 0.2


@dataclass(frozen=True)
class Asked:
    """A jobs file, and what it asks for."""

    content: dict[str, Any]
    expected: Mapping[str, Expected]
    tricks: Mapping[str, str]
    """Job → the trick that its script plays."""


def ask(seed: int, number: int, jobs: int, most_s: float = 6.0) -> Asked:
    """Return so many jobs of the run with a number: one in five is hostile, each trick in its turn."""
    draw = random.Random(f"jobs {seed} {number}")
    names = sorted(TRICKS)
    bases = max(2, jobs // 25)
    tricks = {f"j{index:04}": "none" for index in range(jobs)}
    for turn, job in enumerate(draw.sample(sorted(tricks), int(jobs * HOSTILE_SHARE))):
        tricks[job] = names[(turn + seed + number * 17) % len(names)]
    listed = [_job(job, trick, draw, bases, most_s) for job, trick in tricks.items()]
    expected = {f"{PREFIX}/{job['id']}": _expected(job["base"], job["trick"]) for job in listed}
    content = {"base_model": {"include": ["base"]}, "jobs": listed}
    return Asked(content, expected, {f"{PREFIX}/{job}": trick for job, trick in tricks.items()})


def _job(name: str, trick: str, draw: random.Random, bases: int, most_s: float) -> dict[str, Any]:
    return {
        "id": name,
        "prefix": PREFIX,
        "base": draw.randrange(bases),
        "number": draw.getrandbits(20),
        "seconds": round(draw.uniform(0.1, most_s), 2),
        "kilobytes": draw.choice([1, 4, 100, 600]),
        "trick": trick,
    }


def _expected(base: int, trick: str) -> Expected:
    succeeds = TRICKS[trick].ends == SUCCEEDED
    tries = 2 if trick == "once_more" else 1 if succeeds else RETRIES + 1
    return Expected(base_digest(base), succeeds, tries)


def base_digest(number: int) -> str:
    """Return what a base model's bytes must hash to."""
    return str(digest(base_bytes(number)))
