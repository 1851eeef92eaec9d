"""What there is to do: the jobs of a run, from the jobs file and what the store already holds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from master.core.planning.fusing.siblings import most_together, siblings_of
from master.core.planning.generations.trees import line
from master.core.planning.identity import phase1_config
from master.core.planning.job_settings import EXPECTED_TIME, TIMEOUT, resources_of
from master.core.planning.resources import NO_RESOURCES, Resources, shared_resources, with_labels
from master.specs import BaseModelSpec, Config, JobSpec, JobsSpec, PruneSpec

BASE_MODELS = "base_models"
_BASE_MODEL = "base model"


@dataclass(frozen=True)
class Job:
    """A job of either phase."""

    job_id: str
    """Also the path of what it makes, below `experiments/`."""
    phase: int
    needs: str | None = None
    """`spec_hash` of the base model that it starts from."""
    makes: str | None = None
    """`spec_hash` of the base model that it trains."""
    kind: str = ""
    """Jobs of one kind take about equally long."""
    expected_s: float | None = None
    timeout_s: float | None = None
    """After so many seconds it is ended, where the job itself says so."""
    gpu_bytes: int | None = None
    """GPU memory that its user says it needs."""
    gpu_kind: str = ""
    """Jobs of one GPU kind need about equally much GPU memory; empty: nothing is learned of it."""
    resources: Resources = NO_RESOURCES
    """What else it needs of a machine, and its priority."""
    addition: str = ""
    """What it was added under with a program of its own; that of a base model: the first that needs it."""
    siblings: str = ""
    """Jobs with the same text here can train at once; empty where it trains alone."""
    most_together: int = 1
    """How many of them at most."""
    contest: str = ""
    """Jobs with the same text here are compared with each other; empty: it is never stopped early."""
    resumes: bool = False
    """Whether it goes on from the state of the base model that it needs: the same training, a lower rung."""
    keeps_state: bool = False
    """Whether the state of its training belongs into the base model."""
    stage: str = ""
    """The generation of the base model that it trains; empty where the jobs file names none."""


@dataclass(frozen=True)
class Plan:
    """All jobs of a run; those of Phase 1 come first, the most wanted base model before the others."""

    jobs: tuple[Job, ...]
    in_store: Mapping[str, str]
    """`spec_hash` → `content_hash` of the base models that need no training …"""
    if_damaged: Mapping[str, Job] = field(default_factory=dict)
    """… and the jobs that train them again, should they turn out to be damaged, and what they start from."""
    prune: PruneSpec | None = None
    """When jobs are stopped that do worse than others; None: never."""

    @property
    def to_train(self) -> tuple[str, ...]:
        """Base models to train, by `spec_hash`."""
        return tuple(job.makes for job in self.jobs if job.makes)

    @cached_property
    def starts(self) -> Mapping[str, str]:
        """What base models start from or go on from, those that do, by `spec_hash`."""
        return {job.makes: job.needs for job in self._trainings if job.makes and job.needs}

    @cached_property
    def lower_rungs(self) -> Mapping[str, str]:
        """What the trainings of base models go on from, of those that do, by `spec_hash`."""
        return {job.makes: job.needs for job in self._trainings if job.makes and job.needs and job.resumes}

    @cached_property
    def parents(self) -> Mapping[str, str]:
        """What base models start from, those that start from another, by `spec_hash`.

        What goes on from a lower rung starts from what the lowest one starts from.
        """
        lower, found = self.lower_rungs, dict[str, str]()
        for spec_hash in self.starts:
            *_, lowest = line(spec_hash, lower)
            if lowest in self.starts:
                found[spec_hash] = self.starts[lowest]
        return found

    @property
    def _trainings(self) -> tuple[Job, ...]:
        return (*self.if_damaged.values(), *self.jobs)

    def ancestors(self, job: Job) -> Iterator[str]:
        """Yield the base models that had to be there before a job, the nearest first, by `spec_hash`."""
        return line(job.needs, self.starts)

    def generation(self, spec_hash: str) -> int:
        """Return of which generation a base model is: 1 where it starts from none."""
        return sum(1 for _ in line(spec_hash, self.parents))


def base_model_job_id(spec_hash: str) -> str:
    """Return the id of the job that trains a base model; also its path below `experiments/`."""
    return f"{BASE_MODELS}/{spec_hash}"


def makes_base_model(job_id: str) -> bool:
    """True for the id of a job that trains a base model."""
    return job_id.startswith(f"{BASE_MODELS}/")


def make_plan(jobs: JobsSpec, in_store: Mapping[str, str], phase1_labels: Collection[str] = ()) -> Plan:
    """Return the jobs for `jobs`, given the verified base models of the store.

    Base models are trained by workers with all of `phase1_labels` alone.
    """
    wanted: Counter[str] = Counter()
    needs: dict[str, set[Resources]] = {}
    first: dict[str, tuple[JobSpec, BaseModelSpec]] = {}
    for job in jobs.jobs:
        for base in job.base_model.lineage if job.base_model else ():
            wanted[base.spec_hash] += 1
            first.setdefault(base.spec_hash, (job, base))
            made_by = job.config if base.stage else jobs.base_jobs.get(base.spec_hash, job.config)
            needs.setdefault(base.spec_hash, set()).add(resources_of(made_by))
    trained = {}
    # Parents are wanted at least as often as their children, and are counted before them.
    for spec_hash, _ in wanted.most_common():
        job, base = first[spec_hash]
        resources = with_labels(shared_resources(needs[spec_hash]), phase1_labels)
        training = _phase1_job(base, resources, job.addition)
        trained[spec_hash] = _fusible(training, job, base.training or jobs.base_jobs.get(spec_hash))
    experiments = [_fusible(_phase2_job(job), job) for job in jobs.jobs]
    return replace(arranged(trained, experiments, in_store), prune=jobs.prune)


def arranged(trainings: Mapping[str, Job], experiments: Sequence[Job], in_store: Mapping[str, str]) -> Plan:
    """Return the plan of experiments, given what trains their base models and the ancestors of these.

    `trainings` has parents before their children.  What is in the store needs none of its ancestors.
    """
    wanted, to_train = {job.needs for job in experiments}, set[str]()
    for spec_hash, job in reversed(list(trainings.items())):
        if spec_hash in wanted and spec_hash not in in_store:
            to_train.add(spec_hash)
            wanted.add(job.needs)
    phase1 = (job for spec_hash, job in trainings.items() if spec_hash in to_train)
    held = {spec_hash: in_store[spec_hash] for spec_hash in trainings if spec_hash in in_store}
    others = {spec_hash: job for spec_hash, job in trainings.items() if spec_hash not in to_train}
    return Plan((*phase1, *experiments), held, others)


def _fusible(job: Job, spec: JobSpec, base_job: Config | None = None) -> Job:
    """Return a job with what can train at once with it; `spec` is where it comes from."""
    if spec.fused is None:
        return job
    config = spec.config if job.phase == 2 else base_job or phase1_config(spec)
    siblings = siblings_of(spec.fused, job.phase, config)
    if not siblings:
        return job
    # Who goes on from a state and who begins have little to do at once.
    with_it = f"{spec.addition}{siblings}{' goes on' if job.resumes else ''}"
    return replace(job, siblings=with_it, most_together=most_together(config))


def _phase1_job(base: BaseModelSpec, needs: Resources, addition: str) -> Job:
    # What a stage takes says little of another.
    kind = _kind(f"{_BASE_MODEL} {base.stage}" if base.stage else _BASE_MODEL, addition)
    start = base.start
    return Job(
        base_model_job_id(base.spec_hash),
        phase=1,
        needs=start.spec_hash if start else None,
        makes=base.spec_hash,
        kind=_climbing(kind, base),
        gpu_bytes=needs.gpu_memory,
        gpu_kind=kind,
        resources=_else(needs),
        addition=addition,
        resumes=base.lower is not None,
        keeps_state=base.rung > 0,
        stage=base.stage,
    )


def _climbing(kind: str, base: BaseModelSpec) -> str:
    """Return the kind of a training: those of rungs take as long as what lies between them."""
    if not base.rung:
        return kind
    return f"{kind}, {base.rung - base.lower.rung if base.lower else base.rung} more"


def _kind(kind: str, addition: str) -> str:
    """Return a kind of jobs: what one program is learned to take says nothing of another."""
    return f"{kind} of {addition}" if addition else kind


def _else(needs: Resources) -> Resources:
    """Return the needs without GPU memory, which is a job's own: often they are none."""
    rest = replace(needs, gpu_memory=None)
    return NO_RESOURCES if rest == NO_RESOURCES else rest


def _phase2_job(job: JobSpec) -> Job:
    needs = resources_of(job.config)
    return Job(
        job.job_id,
        phase=2,
        needs=job.base_model.spec_hash if job.base_model else None,
        kind=_kind(job.kind, job.addition),
        expected_s=EXPECTED_TIME.of(job.config),
        timeout_s=TIMEOUT.of(job.config),
        gpu_bytes=needs.gpu_memory,
        gpu_kind=_kind(job.kind, job.addition) if job.kind else "",
        resources=_else(needs),
        addition=job.addition,
        contest=job.contest,
    )


def planned_savings(plan: Plan) -> int:
    """Return how many trainings the plan saves over one of each ancestor for each experiment that has any."""
    wanted = Counter(job.needs for job in plan.jobs if job.needs and not job.makes)
    return sum(count * plan.generation(spec) for spec, count in wanted.items()) - len(plan.to_train)
