"""What a plan says of the code: where the project begins, what travels, what does not, what has changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from rich.console import Console

from master.code.former_code import CodeReport
from master.code.sources import Sources
from master.core.harmless import clean
from master.view.wording import plural

_MOST_LINES = 5


@dataclass(frozen=True)
class PlannedCode:
    """The code that jobs are going to run."""

    sources: Sources
    report: CodeReport = field(default_factory=CodeReport)
    notes: tuple[str, ...] = ()
    """What the user should know."""

    @property
    def all_notes(self) -> tuple[str, ...]:
        """Those of the report too."""
        return (*self.notes, *self.report.notes)

    def without_notes(self) -> PlannedCode:
        """Return it for a plan beside which notes, and what is left out, are told anyway."""
        sources, report = replace(self.sources, left_out=()), replace(self.report, notes=())
        return PlannedCode(sources, report)


def code_json(code: PlannedCode) -> dict[str, Any]:
    """Return what travels as code, ready for JSON."""
    sources = code.sources
    return {
        "project_root": str(sources.root),
        "why": sources.why_root or None,
        "entry": str(sources.entry) if sources.entry else None,
        "argv": list(sources.argv),
        "files": len(sources.files),
        "bytes": sources.total_bytes if sources.entry else None,
        "left_out": list(sources.left_out),
        "passed_over": list(sources.passed_over),
        "retrained": dict(code.report.retrained),
        "notes": list(code.all_notes),
    }


def print_code(console: Console, code: PlannedCode) -> None:
    """Print what travels as code.  A trainer that ships with Twophase is no news."""
    sources = code.sources
    if sources.entry is not None:
        size = f"{plural(len(sources.files), 'file')}, {_size(sources.total_bytes)}"
        _line(console, f"Project root: {sources.root} ({sources.why_root}), {size}")
        _lines(console, "Not copied: ", sources.left_out)
        _lines(console, "Not copied: ", sources.passed_over)
    for note in code.all_notes:
        _line(console, f"Note: {note}")
    if sources.entry is not None or code.all_notes:
        console.print()


def _lines(console: Console, what: str, texts: Sequence[str]) -> None:
    for text in texts[:_MOST_LINES]:
        _line(console, what + text)
    if len(texts) > _MOST_LINES:
        _line(console, f"{what}{len(texts) - _MOST_LINES:,} more, all of them in the JSON form")


def _line(console: Console, text: str) -> None:
    console.print(clean(text), soft_wrap=True)


def _size(count: int) -> str:
    if count < 1000:
        return f"{count} bytes"
    return f"{count / 1000:.1f} kB" if count < 1_000_000 else f"{count / 1_000_000:.1f} MB"
