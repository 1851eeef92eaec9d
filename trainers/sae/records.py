"""What a training tells while it runs: lines for people, JSONL and CSV for programs."""

from __future__ import annotations

import csv
import io
import json
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from trainers.common.files import write_bytes
from trainers.sae.trackers import Tracker

Record = dict[str, Any]
Opened = Callable[[int], list[Tracker]]
"""Opens trackers, given the step that a training goes on after."""


class Records:
    """Figures of steps and validations, in `train_log.jsonl` and `train_log.csv`."""

    def __init__(self, folder: Path, say: Callable[[str], None], opened: Opened | None = None) -> None:
        """`opened`: opens trackers, which get each record too, at the first one."""
        self._opened, self._trackers = opened or (lambda _: []), list[Tracker]()
        self._jsonl, self._csv, self._say = folder / "train_log.jsonl", folder / "train_log.csv", say
        self.kept: list[Record] = []

    def restore(self, kept: list[Record]) -> None:
        """Go on after these records: later ones of a killed attempt are dropped."""
        self.kept = list(kept)
        self.write()

    def add(self, record: Record) -> None:
        """Take a record in and tell it."""
        if not self._trackers:
            self._trackers = self._opened(self.kept[-1]["step"] if self.kept else 0)
        self.kept.append(record)
        self._say(line_of(record))
        for tracker in self._trackers:
            tracker.add(record["step"], {name: value for name, value in record.items() if _is_figure(value)})

    def tell(self, line: str) -> None:
        """Tell what is no record."""
        self._say(line)

    def close(self) -> None:
        """Let trackers write what they have not written yet."""
        for tracker in self._trackers:
            tracker.close()

    def write(self) -> None:
        """Write both files whole."""
        lines = "".join(json.dumps(record) + "\n" for record in self.kept)
        write_bytes(self._jsonl, lines.encode())
        write_bytes(self._csv, as_csv(self.kept).encode())


class Pace:
    """Examples a second since it was made, and how long the rest will take."""

    def __init__(self, examples: int, total: int) -> None:
        self._since, self._from, self._total = time.perf_counter(), examples, total

    def figures(self, examples: int) -> Record:
        """Return speed and time left after so many examples."""
        speed = (examples - self._from) / max(time.perf_counter() - self._since, 1e-9)
        left = max(0, self._total - examples) / max(speed, 1e-9)
        return {"tokens_per_second": round(speed, 1), "eta_seconds": round(left, 1)}


def _is_figure(value: object) -> bool:
    return isinstance(value, (int, float)) and math.isfinite(value)


def line_of(record: Record) -> str:
    """Return a record as a line for people."""
    texts = {
        name: f"{value:.4g}" if isinstance(value, float) else str(value) for name, value in record.items()
    }
    return "  ".join(f"{name} {text}" for name, text in texts.items())


def as_csv(records: list[Record]) -> str:
    """Return records as a table whose columns are all names that occur."""
    names = list(dict.fromkeys(name for record in records for name in record))
    text = io.StringIO()
    writer = csv.DictWriter(text, names, lineterminator="\n")
    writer.writeheader()
    writer.writerows(records)
    return text.getvalue()
