"""Runs the parts one after the other: one that fails or takes too long is told, and the others go on."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.gpu_check.parts import GOALS, Part, Setting, command

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 350.0
"""Of all parts together."""
_LEAST_S = 5.0
_LAST_WORDS = 300


@dataclass(frozen=True)
class Outcome:
    """What came of a part."""

    part: str
    seconds: float = 0.0
    figures: Mapping[str, float] = field(default_factory=dict)
    skipped: str = ""
    """Why it was not run."""
    failed: str = ""
    """Why there are no figures, or not all."""


def run_all(parts: Sequence[Part], setting: Setting, seconds: float = SECONDS) -> Iterator[Outcome]:
    """Yield what comes of each part, within so many seconds of a card for all."""
    until = time.monotonic() + seconds * setting.patience
    for part in parts:
        left = until - time.monotonic()
        if setting.cards < part.least_cards:
            yield Outcome(part.name, skipped=f"needs {part.least_cards} cards, here are {setting.cards}")
        elif left < _LEAST_S:
            yield Outcome(part.name, skipped="no time left")
        else:
            yield run(part, command(part, setting), min(left, part.seconds * setting.patience))


def run(part: Part, words: Sequence[str], seconds: float) -> Outcome:
    """Run one part, and end it with all that it has started when its time is up."""
    begin = time.monotonic()
    pipe = subprocess.PIPE
    with subprocess.Popen(
        words, cwd=ROOT, start_new_session=True, stdout=pipe, stderr=pipe, text=True
    ) as process:
        try:
            said, complained = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            said, complained = process.communicate()
            complained = f"took more than {seconds:.0f} s"
    took = round(time.monotonic() - begin, 1)
    return outcome(part, took, process.returncode, said, complained)


def outcome(part: Part, took: float, code: int, said: str, complained: str) -> Outcome:
    """Return what a part's process has told."""
    told = last_object(said)
    figures: dict[str, float] = {}
    failed = "" if code == 0 else complained.strip()[-_LAST_WORDS:] or f"exit code {code}"
    try:
        figures = {f"{part.name}: {key}": float(value) for key, value in part.figures(told).items()}
    except (KeyError, TypeError, ValueError) as error:
        failed = failed or f"no figures: {error!r}"
    return Outcome(part.name, took, figures, failed=failed or str(told.get("failed", "")))


def last_object(text: str) -> dict[str, Any]:
    """Return the object of JSON that a text ends with, on one line or many; empty where there is none."""
    lines = text.splitlines()
    for start in range(len(lines) - 1, -1, -1):
        if lines[start].startswith("{"):
            try:
                found = json.loads("\n".join(lines[start:]))
            except ValueError:
                continue
            if isinstance(found, dict):
                return found
    return {}


def table(outcomes: Sequence[Outcome], with_goals: bool) -> Iterator[str]:
    """Yield a line for each figure, with its goal, and for each part that has none."""
    for each in outcomes:
        if each.skipped or each.failed:
            word = f"skipped: {each.skipped}" if each.skipped else f"failed: {each.failed}"
            yield f"{each.part:66} {word}"
        for name, value in each.figures.items():
            goal = GOALS.get(name) if with_goals else None
            yield f"{name:66} {value:10.3f}{_judged(value, goal)}"


def _judged(value: float, goal: Any) -> str:
    return "" if goal is None else f"  goal {goal}{'' if goal.is_met(value) else '  MISSED'}"
