"""Files that jobs were added with: each lies in the run's state by its content, and its jobs alone see it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from threading import Lock

from master.core.nearest import shown
from master.core.running.orders.of_jobs import AddJobs
from master.core.running.orders.order import Ordered
from master.errors import ConfigError
from master.runs.script_jobs import EXPERIMENTS
from master.specs import ServerSpec
from master.storage.library import Library
from master.storage.run_layout import RunLayout, inputs_of
from worker_agent.protocol.messages import Mount

_CONTENT_HASH = re.compile(r"[0-9a-f]{64}")
_NAME = re.compile(r"[A-Za-z0-9_+=][A-Za-z0-9._+=-]{0,99}")


class JobInputs:
    """What the jobs of orders see besides the data of the cluster config.  Any thread may use it."""

    def __init__(self, layout: RunLayout, library: Library, orders: Iterable[Ordered] = ()) -> None:
        """`orders` are those of earlier starts."""
        self._layout, self._library = layout, library
        self._lock = Lock()
        self._of: dict[str, Mapping[str, str]] = {}
        for event in orders:
            if isinstance(event.order, AddJobs):
                self.take(event.order, event.order.ids.values())

    def check(self, order: AddJobs, servers: Iterable[ServerSpec]) -> None:
        """Raise ConfigError for inputs that are not there, or whose name is no name or taken on a worker."""
        for name, content in order.inputs.items():
            if not _NAME.fullmatch(name) or name == EXPERIMENTS:
                raise ConfigError(order.path, "", f"inputs: {shown(name)} is no name of a folder")
            if not _CONTENT_HASH.fullmatch(content) or not inputs_of(self._layout, content).is_dir():
                raise ConfigError(
                    order.path, "", f"inputs: nothing with the content {shown(content)} is here"
                )
            for server in servers:
                if any(item.name.split("/")[0] == name for item in server.data):
                    raise ConfigError(order.path, "", f"inputs: {name} is data of {server.name} already")

    def take(self, order: AddJobs, job_ids: Iterable[str]) -> None:
        """Let jobs see what came with their order, and workers ask for it."""
        if not order.inputs:
            return
        with self._lock:
            self._of.update(dict.fromkeys(job_ids, order.inputs))
        found = order.inputs.values()
        self._library.hold_data({str(inputs_of(self._layout, content)): content for content in found})

    def mounts(self, job_id: str, *, local: bool) -> Iterator[Mount]:
        """Yield what a job sees of them; on this machine where they lie."""
        with self._lock:
            inputs = self._of.get(job_id, {})
        for name, content in inputs.items():
            place = str(inputs_of(self._layout, content).resolve())
            yield Mount(name, path=place) if local else Mount(name, artefact=content)
