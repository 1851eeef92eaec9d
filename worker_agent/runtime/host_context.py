"""How jobs run on this worker under the settings of the master that came last."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from pathlib import Path
from typing import Dict, List, Mapping, Optional, Sequence, Tuple

from worker_agent.attempts.checkpoints import Checkpoints
from worker_agent.attempts.invocation import base_environment
from worker_agent.attempts.working_directory import WorkingDirectories
from worker_agent.cache.artefacts import Cache
from worker_agent.cache.borrowing import borrow
from worker_agent.cache.disk import base_of, disk_id
from worker_agent.core.execution import Key
from worker_agent.core.shares import Device, usual_slots
from worker_agent.devices.gpus import Reading, driver_of, names_of
from worker_agent.devices.slot_locks import cores
from worker_agent.environment.job_base import JobBase
from worker_agent.limits.base import Bounds
from worker_agent.limits.watched import WatchedBounds
from worker_agent.peers.addresses import own_addresses
from worker_agent.protocol.artefacts.fetching import Source
from worker_agent.protocol.codec import MessageError
from worker_agent.protocol.layout import AttemptLayout, StateLayout, WorkLayout, attempt_name
from worker_agent.protocol.messages import Settings
from worker_agent.protocol.private_directory import is_anothers, make_private
from worker_agent.protocol.reports import WorkerFacts
from worker_agent.system.this_machine import expand, hostname


def installed_version(package: str) -> Optional[str]:
    """Return the version of a package that this interpreter would import, without importing anything.

    The names of its metadata are looked at: `importlib.metadata` would take longer to load than all the rest.
    """
    for folder in sys.path:
        for path in sorted(Path(folder).glob(f"{package}-*.*-info")) if folder else ():
            return path.stem[len(package) + 1 :]
    return None


def choose_work_dir(settings: Settings, layout: StateLayout) -> Path:
    """Return where big files lie.  The host's name is in it: the directory may be on a shared disk."""
    if settings.work_dir is None:
        return layout.default_work_dir
    path = expand(settings.work_dir)
    if not path.is_absolute():
        raise MessageError(f"Settings.work_dir is {settings.work_dir!r}, allowed are absolute paths and ~")
    ours = path / layout.hostname
    # Several users may be told the same directory, such as /scratch.
    return path / f"{layout.hostname}-{os.getuid()}" if is_anothers(ours) else ours


class HostContext:
    """The settings, and all that follows from them."""

    def __init__(
        self,
        settings: Settings,
        work_dir: Path,
        run_id: str,
        base: JobBase,
        devices: Sequence[Device],
        limits: str = "",
    ) -> None:
        """Make the work directory, for us alone.  Raises OSError where that cannot be."""
        make_private(work_dir)
        self.settings, self._limits = settings, limits
        self.work_dir = work_dir
        self._base = base_of(work_dir, is_default=settings.work_dir is None)
        self.layout = WorkLayout(work_dir)
        # rsync makes the last directory of its target, not the ones above it.
        self.layout.incoming(run_id, "x").parent.mkdir(parents=True, exist_ok=True)
        self.run_id = run_id
        self._attempts_dir = self.layout.attempts(run_id)
        self._attempts: Dict[Key, AttemptLayout] = {}
        self.cache = Cache(self.layout, run_id)
        self.working_directories = WorkingDirectories(self.layout, run_id)
        self.checkpoints = Checkpoints(self.layout, run_id, self.cache)
        self.devices = {device.name: device for device in devices}
        self.slots: List[str] = [slot for device in devices for slot in usual_slots(device)]
        on_cpus = self.slots and not any(device.gpu for device in devices)
        threads = max(1, cores() // len(self.slots)) if on_cpus else 0
        self.env: Mapping[str, str] = base_environment(base.env, {}, threads)
        self.python = base.python
        self._missing = set(settings.secrets)

    @property
    def is_complete(self) -> bool:
        """Whether the environment of jobs holds all that the master has announced."""
        return not self._missing

    def add_secrets(self, values: Mapping[str, str]) -> None:
        """Take in variables of the jobs' environment, which are kept in memory alone."""
        self.env = {**self.env, **values}
        self._missing -= values.keys()

    def gpu_bytes(self) -> List[int]:
        """Return the memory that jobs may have of each GPU, 0 where it is not known."""
        return [device.memory or 0 for device in self.devices.values() if device.gpu]

    def borrow(self, content_hash: str) -> Tuple[Source, Optional[str]]:
        """Have an artefact from a cache on the same disk; return from where, and what is wrong.

        Raises OSError.
        """
        return borrow(self.cache, self._base, content_hash)

    def attempt(self, key: Key) -> AttemptLayout:
        """Return where the files of an attempt are."""
        found = self._attempts.get(key)
        if found is None:
            found = self._attempts[key] = AttemptLayout(f"{self._attempts_dir}/{attempt_name(*key)}")
        return found

    def forget(self, key: Key) -> AttemptLayout:
        """Return where the files of an attempt are for the last time."""
        found = self.attempt(key)
        del self._attempts[key]
        return found

    def recycled(self) -> List[str]:
        """Return the directories that wait for jobs."""
        return [*self.working_directories.recycled(), *self.checkpoints.recycled()]

    def facts(self, reading: Optional[Reading] = None) -> WorkerFacts:
        """Return what this machine is like; `reading` tells of its GPUs."""
        return WorkerFacts(
            hostname=hostname(),
            python=platform.python_version(),
            torch=installed_version("torch"),
            cores=cores(),
            memory_bytes=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
            disk_free_bytes=shutil.disk_usage(str(self.work_dir)).free,
            limits=self._limits,
            shows_logs=True,
            disk=disk_id(self._base),
            gpus=names_of(self.devices.values(), reading),
            driver=driver_of(reading),
            peers=own_addresses(),
        )


class CurrentHost:
    """The host context of the master that came last."""

    def __init__(self, bounds: Optional[Bounds] = None) -> None:
        """`bounds` keep the limits of jobs; None watches them."""
        self.bounds: Bounds = bounds or WatchedBounds()
        self.opened: Optional[HostContext] = None
        """None before any master came."""

    @property
    def context(self) -> HostContext:
        """Return the context.  There must have been a master, or who asks is wrong."""
        if self.opened is None:
            raise AssertionError("the core asked for work before any master came")
        return self.opened

    def change(self, context: HostContext) -> List[str]:
        """Go on under other settings; return the directories that waited for jobs under the earlier ones."""
        before, self.opened = self.opened, context
        if before and before.layout == context.layout:
            context.cache.inspections = before.cache.inspections
        return before.recycled() if before else []
