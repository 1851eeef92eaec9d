"""The settings of a job, the fields that are for Twophase: the one table of them.

Identity, checks, launching and the documentation are made from it.  A name that begins with `_` is otherwise
the user's own: what it holds is never refused.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

from master.core.planning.resources import NO_RESOURCES, Resources
from master.core.planning.setting_kinds import (
    ANYTHING,
    COLLECT,
    EXECUTOR,
    FOLDER,
    FUSING,
    ID,
    KEPT,
    LIMITS,
    RESOURCES,
    SIZE,
    TIME,
    Kind,
)
from master.specs import Config
from worker_agent.protocol.terms import NO_LIMITS

T = TypeVar("T")

DEFAULT_PREFIX = "alpha"


@dataclass(frozen=True)
class JobSetting(Generic[T]):
    """A field of a job that is for Twophase."""

    name: str
    kind: Kind[T]
    used_for: str
    """What part of the system it is for."""
    meaning: str
    """What it says, as the documentation and the schema tell it."""
    default: str
    """What holds where it is left out, as the documentation tells it."""
    passed: bool = False
    """Whether the script is told it, as a flag."""
    identifies: bool = False
    """Whether two jobs that differ in it alone start from two base models."""

    def of(self, config: Config, default: T | None = None) -> T | None:
        """Return what a job's fields say, `default` where they say nothing."""
        value = config.get(self.name)
        return default if value is None else self.kind.parse(value)

    def problem(self, value: Any) -> str:
        """Return why a job cannot have this value, as a predicate, "" where it can; None is left out."""
        if value is None or self.name.startswith("_") or self.kind.parse(value) is not None:
            return ""
        return self.kind.wrong(value)


JOB_ID = JobSetting(
    name="id",
    kind=ID,
    used_for="naming",
    meaning="What the result is called, below `prefix`.",
    default="the fields of a sweep and those in which jobs differ",
)
PREFIX = JobSetting(
    name="prefix",
    kind=FOLDER,
    used_for="naming",
    meaning="The folder of the result, below `experiments/`.",
    default=f"`{DEFAULT_PREFIX}`",
    passed=True,
)
DEVICE = JobSetting(
    name="device",
    kind=ANYTHING,
    used_for="launching",
    meaning="A number becomes `0`, the job's own GPU; text becomes `cuda` or `cpu`, as the worker has.",
    default="not passed",
    passed=True,
)
TIMEOUT = JobSetting(
    name="timeout",
    kind=TIME,
    used_for="launching",
    meaning="How long it may run.",
    default="`--timeout`",
)
STALL_TIMEOUT = JobSetting(
    name="stall_timeout",
    kind=TIME,
    used_for="launching",
    meaning="How long it may neither log nor tell progress.",
    default="`--stall-timeout`",
)
JOB_EXECUTOR = JobSetting(
    name="executor",
    kind=EXECUTOR,
    used_for="launching",
    meaning="What runs it.",
    default="`--executor`",
)
FUSE = JobSetting(
    name="fuse",
    kind=FUSING,
    used_for="placement",
    meaning="How many jobs of its kind train with it at once, at most: `auto`, `off` or a number from 2.",
    default="`auto`",
)
COLLECT_RULES = JobSetting(
    name="collect",
    kind=COLLECT,
    used_for="launching",
    meaning="Which files that it leaves come home: `include`, `exclude`, `max_size`.",
    default="all",
)
JOB_RESOURCES = JobSetting(
    name="resources",
    kind=RESOURCES,
    used_for="placement",
    meaning="What it needs of a machine, and its priority: an object, below.",
    default="nothing",
)
JOB_LIMITS = JobSetting(
    name="limits",
    kind=LIMITS,
    used_for="launching",
    meaning="What it may take of a machine, or it is ended: an object, below.",
    default="`memory` of `resources`, and what the cluster config says",
)
GPU_MEMORY = JobSetting(
    name="gpu_memory",
    kind=SIZE,
    used_for="placement",
    meaning="How much GPU memory it needs.",
    default="what jobs of its kind took",
)
EXPECTED_TIME = JobSetting(
    name="_seconds",
    kind=TIME,
    used_for="placement",
    meaning="How long it is likely to take: the longest start first.",
    default="what jobs of its kind took",
)
RETRIES = JobSetting(
    name="retries",
    kind=KEPT,
    used_for="nothing",
    meaning="Kept for a later version.",
    default="`--retries`",
)

JOB_SETTINGS: tuple[JobSetting[Any], ...] = (
    *(JOB_ID, PREFIX, DEVICE, TIMEOUT, STALL_TIMEOUT, JOB_EXECUTOR, FUSE, COLLECT_RULES),
    *(JOB_RESOURCES, JOB_LIMITS, GPU_MEMORY, EXPECTED_TIME, RETRIES),
)

STRUCTURED = frozenset(
    setting.name for setting in JOB_SETTINGS if setting.kind in (COLLECT, RESOURCES, LIMITS)
)
"""What holds an object, as no field of a script can."""
OF_MACHINES = (JOB_RESOURCES.name, JOB_LIMITS.name)
"""Where and within what bounds a job runs: makes it no other job, and is added to the defaults by key."""
NOT_OF_THE_JOB = frozenset({*OF_MACHINES, FUSE.name})
"""What makes a job no other job."""
NOT_FOR_THE_SCRIPT = frozenset(setting.name for setting in JOB_SETTINGS if not setting.passed)
NOT_IDENTIFYING = frozenset(setting.name for setting in JOB_SETTINGS if not setting.identifies)


def resources_of(config: Config) -> Resources:
    """Return what a job needs of a machine; `gpu_memory` may stand beside `resources` too.

    The memory that it needs is what it may take, unless its limits say otherwise.
    """
    found = JOB_RESOURCES.of(config) or NO_RESOURCES
    above, limits = GPU_MEMORY.of(config), JOB_LIMITS.of(config) or NO_LIMITS
    if limits.memory_bytes is None and found.memory:
        limits = replace(limits, memory_bytes=found.memory)
    if above is None and not limits:
        return found
    return replace(found, gpu_memory=found.gpu_memory if above is None else above, limits=limits)
