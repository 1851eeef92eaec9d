"""Looks at a run directory from outside while a run goes on."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path

from master.core.running.lifecycle import Trigger
from tests.chaos.evidence import Published
from tests.chaos.jobs import PREFIX
from tests.chaos.script.base_model import digest
from tests.support.runs import Run


class Watch:
    """When results came, and what each was when it was first seen."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._first: dict[str, str] = {}
        self.progress: list[float] = []
        """The times at which results and base models got their final names, in seconds since 1970."""

    @property
    def results_seen(self) -> int:
        """How many results there are, without base models."""
        return sum(job.startswith(f"{PREFIX}/") for job in self._first)

    def look(self) -> None:
        """Take in what is new."""
        for folder in self._folders():
            job = f"{folder.parent.name}/{folder.name}"
            if job not in self._first:
                with suppress(OSError):
                    self.progress.append(folder.stat().st_ctime)
                    self._first[job] = _nonce(folder)

    def results(self) -> dict[str, Published]:
        """Return what lies in the places of results now."""
        self.look()
        records = self._run.count(Trigger.COLLECT)
        found = {}
        for folder in self._folders():
            if folder.parent.name == PREFIX:
                job = f"{PREFIX}/{folder.name}"
                found[job] = Published(_nonce(folder), _digest(folder), self._first[job], records.get(job, 1))
        return found

    def damaged_base_models(self) -> list[str]:
        """Return the names of base models at home that are not what they say."""
        models = [folder for folder in self._folders() if folder.parent.name != PREFIX]
        return [model.name for model in models if not _is_whole(model)]

    def _folders(self) -> list[Path]:
        layout = self._run.layout
        rooms = (layout.experiments / PREFIX, layout.base_models)
        return [folder for room in rooms if room.is_dir() for folder in room.iterdir()]


def _nonce(folder: Path) -> str:
    path = folder / "result.json"
    return str(json.loads(path.read_text())["nonce"]) if path.is_file() else ""


def _digest(folder: Path) -> str:
    parts = (folder / "result.json", folder / "payload.bin")
    return str(digest(b"".join(part.read_bytes() for part in parts if part.is_file())))


def _is_whole(model: Path) -> bool:
    data, told = model / "base.bin", model / "base.sha256"
    return data.is_file() and told.is_file() and digest(data.read_bytes()).encode() == told.read_bytes()
