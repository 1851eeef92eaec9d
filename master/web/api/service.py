"""What the API answers.  It belongs to the event loop's thread; what takes its time is done off it."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Mapping, Sequence
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Any

from master import steady_clock
from master.storage.run_layout import RunLayout
from master.web.api.activation_files import ActivationFiles
from master.web.api.asking import DEFAULT_OUTPUT, Asked, Wanted, job_fields
from master.web.api.caches import prepared_figures, statistics
from master.web.api.errors import Wrong
from master.web.api.features.browsing import Browsing
from master.web.api.features.loaded import Loaded
from master.web.api.features.tables import TABLE, FeatureTable, read_table
from master.web.api.files import checkpoints
from master.web.api.hearing import Hearing
from master.web.api.jobs import Jobs
from master.web.api.messages import Stand
from master.web.api.registry import Registry
from master.web.api.reports import told
from master.web.api.trainings import ENDED, MARK, Checkpoints, Training, job_object, status_of
from master.web.run_watch import RunWatch

LOADED = "loaded_saes.json"
_SETTLED_S, _STEP_S = 5.0, 0.05
"""So long an order takes at most to be seen in the journal, and is looked for so often."""
Answer = dict[str, Any]


class Api:
    """Trainings of one run."""

    def __init__(self, watch: RunWatch, jobs: Jobs, roots: Sequence[Path] = ()) -> None:
        """`roots`: folders below which files of activations are taken."""
        layout = watch.layout
        self._watch, self._jobs, self._layout = watch, jobs, layout
        self._files, self._trainings = ActivationFiles(layout, roots), Registry(watch)
        self._hearing, self._browsing = Hearing(layout, jobs), Browsing()
        self.loaded = Loaded(layout.state / LOADED, partial(_read_table, layout))

    async def train(self, asked: Asked, *, fast: bool) -> Answer:
        """Hand a training over to the master."""
        names = await asyncio.to_thread(self._watch.ask_journal, lambda journal: journal.data_names())
        given = await asyncio.to_thread(self._files.find, asked.activation_data_path, names)
        training = _new_training(asked, fast=fast)
        fields = job_fields(dict(training.config), given.path, fast=fast)
        job = {"id": training.id, **fields, MARK: training.mark()}
        await asyncio.to_thread(self._jobs.submit, job, given.inputs)
        self._trainings.add(training)
        return {
            "success": True,
            "job_id": training.id,
            "message": f"{'fast ' if fast else ''}training of layer {training.layer} was added to the run",
            "output_dir": training.output_dir,
            **({"mode": "fast"} if fast else {}),
        }

    async def status(self, job_id: str) -> Answer:
        """Return the job object of a training."""
        training = self._trainings.find(job_id)
        await self._hearing.look()
        return await self._object(training)

    async def all_jobs(self) -> Answer:
        """Return the job objects of all trainings."""
        await self._hearing.look()
        found = [await self._object(training) for training in self._trainings.all().values()]
        return {"jobs": found, "total": len(found)}

    async def _object(self, training: Training) -> Answer:
        row = self._trainings.row(training)
        left = Checkpoints()
        if row and status_of(row) == "training":
            left = await asyncio.to_thread(checkpoints, self._layout, training.job_id)
        return job_object(training, row, told(await self._hearing.reports_of(training, row)), left)

    async def stands(self) -> list[Stand]:
        """Return where all trainings stand, each with all that it said up to there."""
        known = self._trainings
        rows = [(each, row) for each in known.all().values() if (row := known.row(each))]
        # Only now: what a training said last came before its end.
        await self._hearing.look()
        return [Stand(each, row, await self._hearing.reports_of(each, row)) for each, row in rows]

    async def cancel(self, job_id: str) -> Answer:
        """End a training for good."""
        training = self._trainings.find(job_id)
        says = await asyncio.to_thread(self._jobs.cancel, training.job_id)
        await self._settle(training)
        return {"success": True, "message": f"{training.id}: {says}"}

    async def _settle(self, training: Training) -> None:
        """Wait until the journal shows what was ordered: who asks next is not told of before."""
        until = time.monotonic() + _SETTLED_S
        while time.monotonic() < until:
            row = self._trainings.row(training)
            if row and status_of(row) in ENDED:
                return
            await asyncio.sleep(_STEP_S)

    async def load(self, job_id: str) -> Answer:
        """Load what a training left, in the place of what was loaded of its layer."""
        training = self._trainings.find(job_id)
        status = status_of(self._trainings.row(training))
        if status != "completed":
            raise Wrong(HTTPStatus.BAD_REQUEST, f"the training {training.id} is not completed but {status}")
        await asyncio.to_thread(self.loaded.load, training.job_id, training.layer)
        return {
            "success": True,
            "message": f"layer {training.layer} is answered from {training.id}",
            "layer_idx": training.layer,
            "model_path": f"{training.output_dir}/{training.stem}.safetensors",
        }

    async def sae_status(self) -> Answer:
        """Tell what is loaded."""
        tables = await asyncio.to_thread(self.loaded.tables)
        if not tables:
            return {"status": "idle"}
        return {"status": "ready", "layerCount": len(tables), "featureCount": sum(map(len, tables))}

    async def features(self, wanted: Wanted) -> Answer:
        """Return a page of the features that are loaded."""
        return await asyncio.to_thread(lambda: self._browsing.page(self.loaded.tables(), wanted))

    async def feature(self, name: str) -> Answer:
        """Return one feature."""
        tables = await asyncio.to_thread(self.loaded.tables)
        for table in tables:
            if (number := table.number_of(name)) is not None:
                return table.feature(number)
        raise Wrong(HTTPStatus.NOT_FOUND, f"no feature {name[:200]!r} is loaded")

    async def cache_stats(self, *, clear: bool = False) -> Answer:
        """Return the figures of the caches, which are emptied first where that is wanted."""
        if clear:
            self.loaded.clear()
            self._browsing.forget()
        prepared = await asyncio.to_thread(lambda: prepared_figures(clear=clear))
        return statistics(self.loaded, prepared)

    def health(self) -> Mapping[str, Any]:
        """Say that somebody is here."""
        return {"status": "healthy", "model_loaded": bool(self.loaded.by_layer)}


def _new_training(asked: Asked, *, fast: bool) -> Training:
    name = f"sae_{'fast_' if fast else ''}{asked.layer_idx}_{secrets.token_hex(6)}"
    folder = asked.output_dir or DEFAULT_OUTPUT
    return Training(f"{folder}/{name}", asked.layer_idx, asked.config(fast=fast), fast, steady_clock.now())


def _read_table(layout: RunLayout, job_id: str, layer: int) -> FeatureTable:
    return read_table(layout.result(job_id) / TABLE, layer)
