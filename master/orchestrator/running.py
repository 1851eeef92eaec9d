"""Runs training jobs through the same dispatcher, agents and journal as two-phase runs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack, closing
from dataclasses import asdict, dataclass
from pathlib import Path
from queue import SimpleQueue

from master.adapters.agent_client import WorkerLink, close_all
from master.adapters.inbox import Inbox
from master.code.snapshot import Program
from master.core.planning.plan import Plan, Task
from master.core.running.commands import Transition
from master.core.running.records import Policy, RunState
from master.orchestrator.arguments import Passed, argv_of
from master.orchestrator.jobs import TrainingJob
from master.orchestrator.project import Shown, projects_of, root_of, show
from master.orchestrator.publishing import Publisher, publish_leftovers
from master.orchestrator.run_files import TrainingFiles
from master.runs import run_parts
from master.runs.dispatcher import Dispatcher
from master.runs.launching import NO_LIMITS, Limits, data_mounts
from master.runs.stop_signals import as_events
from master.specs import ClusterSpec, JobsSpec
from master.storage.base_model_store import BaseModelStore
from master.storage.journal import Journal
from master.view.view import Tee, View
from worker_agent.protocol import messages as msg
from worker_agent.protocol.layout import WorkLayout

COMMAND = "run_all_training"
_KIND = "training"
_BACKOFF_S = 1.0


@dataclass(frozen=True)
class Order:
    """What is to be run."""

    jobs: tuple[TrainingJob, ...]
    cluster: ClusterSpec
    files: TrainingFiles
    passed: Passed
    here: Path
    roots: tuple[Path, ...] = ()
    retries: int = 0
    max_workers: int | None = None
    """At a time on all workers together; None is as many as they have slots for."""
    limits: Limits = NO_LIMITS
    """For the jobs that do not say otherwise."""
    in_place: bool = False
    expected_s: Mapping[str, float] | None = None
    """Seconds that jobs took before: the longest start first.  None keeps their order."""


@dataclass(frozen=True)
class Outcome:
    """What came of it."""

    exit_code: int
    """Of the dispatcher: 0, 1, 4 or 130."""
    state: RunState
    earlier_attempts: Mapping[str, int]
    """Attempts that a start before this one, which was killed, had given out."""


def run(order: Order, view: View) -> Outcome:
    """Run all jobs to their end.  Raises TwophaseError where nothing can be started."""
    files = order.files
    with ExitStack() as stack:
        stack.enter_context(run_parts.exclusive(files, COMMAND, "--base-output-dir"))
        for path in publish_leftovers(files):
            view.note(f"{path}: results of a run that was killed after it had brought them home")
        journal = stack.enter_context(closing(Journal(files.journal)))
        synced = run_parts.synced_data(order.cluster)
        shown = _snapshots(order)
        program = Program((), files.code, "")
        parts = run_parts.Ingredients(
            *(order.cluster, JobsSpec((), COMMAND), program, files),
            *(journal.run_id, journal.new_epoch(), synced),
        )
        outcome = _work(order, parts, shown, journal, view)
        if _nothing_left(outcome.state):
            _forget(files.journal)
        return outcome


def _snapshots(order: Order) -> dict[Path, Shown]:
    projects = projects_of(order.jobs, order.here, order.roots)
    files = order.files
    return {
        root: show(project, files.code, files.own_folders, in_place=order.in_place)
        for root, project in projects.items()
    }


def _work(
    order: Order, parts: run_parts.Ingredients, shown: Mapping[Path, Shown], journal: Journal, view: View
) -> Outcome:
    earlier = _attempts(journal.transitions())
    state = _fresh(order, earlier)
    inbox: Inbox = SimpleQueue()
    store = BaseModelStore(order.files)
    library = run_parts.make_library(parts, {}, store)
    for each in shown.values():
        if each.content_hash and each.snapshot:
            library.paths[each.content_hash] = each.snapshot
    links = run_parts.make_links(parts, inbox)
    courier = run_parts.make_courier(parts, links, inbox, store, library)
    publisher = Publisher(order.files, view.note, _live_logs(parts, links))
    launch_of = make_launcher(order, shown, parts.synced, state)
    with as_events(inbox):
        try:
            exit_code = Dispatcher(
                state, journal, inbox, links, courier, launch_of, Tee([view, publisher])
            ).run()
        finally:
            view.close()
            courier.close()
            publisher.close()
            close_all(links.values(), msg.Shutdown() if state.finished else None)
    return Outcome(exit_code, state, earlier)


def _live_logs(
    parts: run_parts.Ingredients, links: Mapping[str, WorkerLink]
) -> Callable[[str, str, int], Path | None]:
    run_ids = {
        server.name: run_parts.worker_run_id(parts.run_id, server)
        for server in parts.cluster.servers
        if server.is_local
    }

    def live_log(worker: str, job_id: str, attempt: int) -> Path | None:
        link = links.get(worker)
        if worker not in run_ids or link is None or link.welcome is None:
            return None
        return WorkLayout(Path(link.welcome.work_dir)).attempt(run_ids[worker], job_id, attempt).log

    return live_log


def _attempts(journal: Iterable[Transition]) -> dict[str, int]:
    """Return the highest attempt of each task of the journal: their numbers are never used again."""
    highest: dict[str, int] = {}
    for transition in journal:
        highest[transition.task_id] = max(highest.get(transition.task_id, 0), transition.attempt)
    return highest


def _fresh(order: Order, earlier: Mapping[str, int]) -> RunState:
    """Return the state at the start: every job is to be run, whatever a start before did.

    What still runs from a start that was killed is no task of this one, so its workers are told to end it.
    """
    plan = Plan(tuple(_task(job, order.expected_s) for job in order.jobs), {})
    policy = Policy(retries=order.retries, max_running=order.max_workers, backoff_s=_BACKOFF_S)
    names = [server.name for server in order.cluster.servers]
    state = RunState.fresh(Plan((), {}), policy, names)
    state.plan, state.retired = plan, dict(earlier)
    for task in plan.tasks:
        state.add_task(task)
    return state


def _task(job: TrainingJob, expected_s: Mapping[str, float] | None) -> Task:
    expected = (expected_s or {}).get(job.job_id)
    return Task(job.job_id, phase=2, kind=_KIND, expected_s=expected, gpu_bytes=job.gpu_bytes)


def make_launcher(
    order: Order, shown: Mapping[Path, Shown], synced: Mapping[str, str], state: RunState
) -> Callable[[str, int, str], msg.Launch]:
    """Return the function that tells what `(job_id, attempt)` is to run on a worker."""
    jobs = {job.job_id: job for job in order.jobs}
    servers = {server.name: server for server in order.cluster.servers}

    def launch_of(job_id: str, attempt: int, worker: str) -> msg.Launch:
        job, server = jobs[job_id], servers[worker]
        root = root_of(job.script, order.here, order.roots)
        data = data_mounts(server.data, synced, local=server.is_local)
        mounts = [*shown[root].mounts(local=server.is_local), *data]
        return msg.Launch(
            job_id,
            attempt,
            phase=2,
            argv=argv_of(job, job.script.relative_to(root).as_posix(), order.passed),
            mounts=[asdict(mount) for mount in mounts],
            executor=job.executor or order.limits.executor,
            gpu_bytes=state.tasks[job_id].gpu_need,
            gpu_use=msg.ALONE if state.tasks[job_id].alone else msg.SHARED,
            timeout_s=_first(job.timeout_s, order.limits.timeout_s),
            stall_timeout_s=_first(job.stall_timeout_s, order.limits.stall_timeout_s),
            output_from=".",
        )

    return launch_of


def _first(own: float | None, usual: float | None) -> float | None:
    return usual if own is None else own


def _nothing_left(state: RunState) -> bool:
    """True once no worker has anything of this run any more."""
    return state.finished and not any(
        view.attempts or view.collecting or view.reattached for view in state.workers.values()
    )


def _forget(journal: Path) -> None:
    for suffix in ("", "-wal", "-shm"):
        journal.with_name(journal.name + suffix).unlink(missing_ok=True)
