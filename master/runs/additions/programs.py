"""The programs of a run: that of its command, and those that users have added with jobs of their own."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

from master.code.code_history import CodeStart
from master.code.origin import Described
from master.core.planning.plan import base_model_job_id
from master.core.running.orders.of_jobs import AddJobs
from master.core.running.orders.order import Ordered
from master.runs.spec import Code, RunSpec, Start
from master.specs import JobsSpec
from worker_agent.protocol.messages import Launch


@dataclass
class Programs:
    """Which code does which job.  `add` may be called by one thread, the rest by any."""

    own: Code
    """Of the command."""
    directories: dict[str, Path] = field(default_factory=dict)
    """What workers may ask for, by content hash."""
    starts: dict[str, CodeStart] = field(default_factory=dict)
    """The code of each addition, by name."""
    _codes: dict[str, Code] = field(default_factory=dict)
    """By `job_id`: of added jobs that have a program of their own, and of all that train base models."""

    @classmethod
    def taken(cls, spec: RunSpec) -> Programs:
        """Take the snapshots of all programs.  Raises ConfigError where that cannot be."""
        own = spec.work.take(spec.layout)
        programs = cls(own, dict(own.directories))
        programs._note(spec.jobs.of_addition(""), own)
        for more in spec.added:
            if more.work:
                programs._take(more.jobs, more.work.take(spec.layout))
        return programs

    def keep_names(self, orders: Iterable[Ordered]) -> None:
        """Know the names of all additions of earlier starts, also of those that this one has left out."""
        for event in orders:
            if isinstance(event.order, AddJobs) and (start := CodeStart.from_json(event.order.code)):
                self.starts.setdefault(event.order.name, start)

    def add(self, more: JobsSpec, code: Code | None) -> None:
        """Take in jobs that are added together; `code` does them, None: that of the command."""
        if code:
            self._take(more, code)
        else:
            self.own.take_more(more)
            self._note(more, self.own)

    def _take(self, jobs: JobsSpec, code: Code) -> None:
        self.directories.update(code.directories)
        for job in jobs.jobs:
            self._codes[job.job_id] = code
            if code.start:
                self.starts.setdefault(job.addition, code.start)
        self._note(jobs, code)

    def _note(self, jobs: JobsSpec, code: Code) -> None:
        """Note what trains base models: the program of the first job that needs one."""
        for spec_hash in jobs.base_models:
            self._codes.setdefault(base_model_job_id(spec_hash), code)

    def launch(self, start: Start) -> Launch:
        """Return the message that starts an attempt."""
        return self._code(start.record.job.job_id).launch(start)

    def describe(self, job_id: str) -> Described:
        """Tell what results say of how they came about."""
        code = self._code(job_id)
        known = code.describe(job_id)
        return known if code is self.own else replace(known, code=code.start)

    def _code(self, job_id: str) -> Code:
        return self._codes.get(job_id, self.own)
