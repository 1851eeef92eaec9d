"""What flags of a command say of the jobs, in the form of a jobs file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from master.intake.strict_json import Document, flags_document, read_document
from master.intake.sweeps.axes import GRID, SAMPLE, ZIP
from master.intake.sweeps.expansion import EXCLUDE, SET
from master.intake.sweeps.words import SweepFlags

COMMAND_LINE = "command line"


def document_of(flags: SweepFlags) -> Document:
    """Return flags as a jobs file.  Raises ConfigError."""
    sample = {"n": flags.draws, "seed": flags.seed, "fields": dict(flags.sample)}
    parts = {
        SET: dict(flags.set_to),
        GRID: dict(flags.grid),
        ZIP: dict(flags.zip),
        SAMPLE: sample if flags.sample or flags.draws else {},
        EXCLUDE: list(flags.exclude),
    }
    return flags_document({key: part for key, part in parts.items() if part}, COMMAND_LINE)


def given_jobs(path: Path | None, flags: SweepFlags) -> Document:
    """Return the jobs of a file, of flags, or of a file over which flags lie.  Raises ConfigError."""
    if path is None:
        return document_of(flags)
    document = read_document(path)
    return replace(document, over=document_of(flags)) if flags.given else document
