"""What `run_all_training` runs, as a run that forgets: every start runs all of its jobs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from master.code.origin import Described, JobFacts
from master.core.planning.plan import Job, Plan
from master.core.planning.varying import varying
from master.core.running.policy import Policy
from master.orchestrator.arguments import OUTPUT_DIR, Passed, argv_of, parameters_of, shown_words
from master.orchestrator.jobs import TrainingJob
from master.orchestrator.project import Shown, projects_of, root_of, show
from master.orchestrator.run_files import TrainingFiles
from master.runs.launching import NO_LIMITS, Limits
from master.runs.run_lock import Owner
from master.runs.spec import Code, RunSpec, Start
from master.specs import ClusterSpec
from master.storage.run_layout import RunLayout
from worker_agent.protocol import messages as msg

COMMAND = "run_all_training"
_KIND = "training"
_BACKOFF_S = 1.0


@dataclass(frozen=True)
class Trainings:
    """Training scripts, and what they are shown of their projects."""

    jobs: tuple[TrainingJob, ...]
    files: TrainingFiles
    passed: Passed
    here: Path
    roots: tuple[Path, ...] = ()
    limits: Limits = NO_LIMITS
    """For the jobs that do not say otherwise."""
    in_place: bool = False

    def take(self, layout: RunLayout) -> Code:
        """Take the snapshots of the projects.  Raises ConfigError where that cannot be."""
        projects = projects_of(self.jobs, self.here, self.roots)
        shown = {
            root: show(project, layout.code, self.files.own_folders, in_place=self.in_place)
            for root, project in projects.items()
        }
        snapshots = {it.content_hash: it.snapshot for it in shown.values() if it.content_hash and it.snapshot}
        jobs = {job.job_id: job for job in self.jobs}
        return Code(
            snapshots,
            lambda start: self._launch(jobs[start.record.job.job_id], start, shown),
            describe=self._describer(shown),
        )

    def _describer(self, shown: Mapping[Path, Shown]) -> Callable[[str], Described]:
        """Return what tells of a job how its result comes about."""
        parameters = {job.job_id: parameters_of(self._argv(job)) for job in self.jobs}
        varied, jobs = varying(list(parameters.values())), {job.job_id: job for job in self.jobs}

        def describe(job_id: str) -> Described:
            job = jobs[job_id]
            root = root_of(job.script, self.here, self.roots)
            command = shown_words(self._argv(job), OUTPUT_DIR)
            facts = JobFacts(parameters[job_id], varied, command=command)
            return Described(facts, shown[root].code_of(job.script.relative_to(root)))

        return describe

    def _argv(self, job: TrainingJob) -> list[str]:
        """Return the words that start a job in the root of its project."""
        root = root_of(job.script, self.here, self.roots)
        return argv_of(job, job.script.relative_to(root).as_posix(), self.passed)

    def _launch(self, job: TrainingJob, start: Start, shown: Mapping[Path, Shown]) -> msg.Launch:
        """Return the message that starts an attempt."""
        root = root_of(job.script, self.here, self.roots)
        mounts = [*shown[root].mounts(local=start.is_local), *start.data]
        return msg.Launch(
            job.job_id,
            start.attempt,
            phase=2,
            argv=self._argv(job),
            mounts=mounts,
            executor=job.executor or self.limits.executor,
            gpu_bytes=start.record.gpu_need,
            gpu_use=msg.ALONE if start.record.alone else msg.SHARED,
            timeout_s=_first(job.timeout_s, self.limits.timeout_s),
            stall_timeout_s=_first(job.stall_timeout_s, self.limits.stall_timeout_s),
            output_from=".",
            collect=job.collect,
        )


def _first(own: float | None, usual: float | None) -> float | None:
    return usual if own is None else own


def training_run(
    work: Trainings,
    cluster: ClusterSpec,
    *,
    retries: int = 0,
    max_workers: int | None = None,
    give_up_after: float | None = None,
    expected_s: Mapping[str, float] | None = None,
) -> RunSpec:
    """Return the run of all jobs.

    `max_workers` run at a time on all workers together; None is as many as they have slots for.  For
    `give_up_after` seconds the run waits for workers; None is the usual.  `expected_s` holds the seconds that
    jobs took before: the longest start first; None keeps their order.
    """
    plan = Plan(tuple(_job(job, expected_s or {}) for job in work.jobs), {})
    policy = Policy(retries=retries, max_running=max_workers, backoff_s=_BACKOFF_S)
    policy = policy.with_patience(give_up_after)
    owner = Owner(COMMAND, "--base-output-dir")
    return RunSpec(work.files, cluster, plan, work, policy, resumes=False, owner=owner)


def _job(job: TrainingJob, expected_s: Mapping[str, float]) -> Job:
    expected = expected_s.get(job.job_id)
    return Job(job.job_id, phase=2, kind=_KIND, expected_s=expected, gpu_bytes=job.gpu_bytes)
