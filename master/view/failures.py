"""What failed and what did not come home, as lines below a table: those that are alike once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.text import Text

from master.core.harmless import clean, last_line
from master.view.wording import first_of

_MOST_FAILURES = 40
_MOST_LEFT_OUT = 20


@dataclass(frozen=True)
class Failure:
    """A job that failed."""

    name: str
    reason: str
    way: object
    """What it has in common with those that failed alike."""
    tail: str = ""
    """The end of its log."""
    log: Path | None = None


def print_failures(console: Console, failures: Sequence[Failure], more_in: str) -> None:
    """Print why jobs failed, each way once; `more_in` names the files that tell of all."""
    if not failures:
        return
    console.print(Text("What failed, and why", "bold red"))
    alike = _alike(failures)
    for group in alike[:_MOST_FAILURES]:
        for line in _lines(group):
            console.print(line, soft_wrap=True)
    if left := sum(map(len, alike[_MOST_FAILURES:])):
        console.print(f"… and {left:,} more in {more_in}")
    console.print()


def _alike(failures: Iterable[Failure]) -> list[list[Failure]]:
    """Return those that failed in the same way together, each way where its first one stands."""
    groups: dict[object, list[Failure]] = {}
    for failure in failures:
        groups.setdefault(failure.way, []).append(failure)
    return list(groups.values())


def _lines(alike: Sequence[Failure]) -> list[Text]:
    first, reason = alike[0], clean(alike[0].reason)
    more = f" (and {len(alike) - 1:,} more alike)" if len(alike) > 1 else ""
    lines = [Text.assemble((first.name, "bold"), f": {reason}{more}")]
    said = last_line(first.tail)
    if said and said not in reason:
        lines.append(Text(f"    {said}"))
    if first.log and first.log.exists():
        lines.append(Text(f"    log: {first.log}", "dim"))
    return lines


def print_cancelled(console: Console, jobs: Sequence[tuple[str, str]]) -> None:
    """Print which jobs users cancelled, who and why; those of one order once."""
    if not jobs:
        return
    console.print(Text("Cancelled by hand: kept so until `twophase retry`, or --retry-cancelled", "yellow"))
    names: dict[str, list[str]] = {}
    for name, signed in jobs:
        names.setdefault(signed, []).append(name)
    for signed, same in names.items():
        console.print(Text(clean(f"{first_of(same)}: {signed}")), soft_wrap=True)
    console.print()


def print_left_out(console: Console, items: Sequence[tuple[str, str, str]], more_in: str) -> None:
    """Print what jobs left and what did not come home: job, path and reason; the same of many jobs once."""
    if not items:
        return
    names: dict[tuple[str, str], list[str]] = {}
    for name, path, reason in items:
        names.setdefault((path, reason), []).append(name)
    console.print(Text("What did not come home, and why", "bold yellow"))
    for (path, reason), same in list(names.items())[:_MOST_LEFT_OUT]:
        console.print(Text(clean(f"{first_of(same)}: {path}: {reason}")), soft_wrap=True)
    if left := sum(map(len, list(names.values())[_MOST_LEFT_OUT:])):
        console.print(f"… and {left:,} more in {more_in}")
    console.print()
