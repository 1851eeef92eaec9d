"""What is promised, as questions to a simulated run: each yields what is wrong, nothing where all is well.

They are asked after everything that happens.  The world's tally says what really happened; what a master or
an agent believes is believed only where a promise is about just that.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from master.core.planning.plan import base_model_job_id
from master.core.running import commands as cmd
from master.core.running.lifecycle import ENDED, WITH_A_WORKER, State
from master.core.running.placing.placement import lookahead
from master.core.running.records import JobRecord
from tests.simulation import pruning, seats
from tests.simulation.groups import (
    answering,
    nobody_waits_for_a_group,
    what_was_tried_before_runs_alone,
)
from tests.simulation.users import (
    every_open_job_has_a_cause,
    nothing_starts_on_a_worker_that_a_user_holds,
    what_a_user_cancelled_stays_so,
    what_a_user_prefers_goes_first,
    what_a_user_set_holds,
)
from tests.unit.master.core.running.simulation import check_books, essence
from worker_agent.core.state import Artefact

if TYPE_CHECKING:
    from tests.simulation.world import World

Invariant = Callable[["World"], Iterator[str]]


# ---- results


def recorded_once(world: World) -> Iterator[str]:
    """A job has one recorded result; a base model one more for each time that it rotted at home."""
    for job_id in {item.job_id for item in world.home.fresh}:
        count = world.home.recorded[job_id]
        if count > 1 + world.tally.damages[job_id.partition("/")[2]]:
            yield f"{job_id} is recorded {count} times"


def recorded_bytes_are_the_attempts(world: World) -> Iterator[str]:
    """What is recorded of an attempt is what the script wrote in that attempt, bit by bit."""
    for item in world.home.fresh:
        if item.content_hash not in world.tally.made.get((item.job_id, item.attempt), ()):
            yield f"{item.job_id}#{item.attempt} is recorded with other bytes"


def recorded_results_are_home(world: World) -> Iterator[str]:
    """Nothing is recorded before it lies, whole, in its place."""
    for item in world.home.fresh:
        held = world.home.results.get(item.job_id)
        if "/" not in item.job_id and (held is None or held.content_hash != item.content_hash):
            yield f"{item.job_id}#{item.attempt} is recorded and not at home"


def results_are_never_written_over(world: World) -> Iterator[str]:
    """A result that is in its place stays."""
    if world.tally.published > len(world.home.results):
        yield f"{world.tally.published} were put in place, {len(world.home.results)} are there"


def thrown_away_only_when_nobody_needs_it(world: World) -> Iterator[str]:
    """A worker deletes an outcome only once its job has ended.

    Or where an outcome of the job could not be had, its base model had to be made again meanwhile, or a user
    cancelled the attempt.
    """
    unhad = {job_id for job_id, _ in world.tally.uncollectable}
    for item in world.tally.thrown:
        was_cancelled = item.key[1] <= world.tally.not_wanted.get(item.key[0], 0)
        unwanted = was_cancelled or item.job_had_ended or item.key[0] in unhad | world.tally.locked
        if not unwanted and not world.home.rollbacks and not world.asked_to_stop:
            yield f"{item.worker} deleted what {item.key} made"


# ---- base models


def base_models_are_checked_before_use(world: World) -> Iterator[str]:
    """No job starts from bytes that were not hashed on its machine since they came there."""
    for execution in world.tally.executions:
        if not execution.base_was_checked:
            yield f"{execution.key} on {execution.worker} started from unchecked bytes"


def jobs_start_from_their_own_base_model(world: World) -> Iterator[str]:
    """What a job starts from was made by the job that trains its base model, and by nobody else."""
    for execution in world.tally.executions:
        spec = world.master.needs.get(execution.key[0])
        maker = world.tally.makers.get(execution.base) if execution.base else None
        if maker != (base_model_job_id(spec) if spec else None):
            yield f"{execution.key} started from {maker}"


def blocked_jobs_have_a_failed_ancestor(world: World) -> Iterator[str]:
    """A job is blocked only where training its base model, or what that starts from, has ended in vain."""
    jobs = world.master.state.jobs
    for record in jobs.values():
        base: JobRecord | None = record
        while base is not None and base.state is State.BLOCKED:
            base = jobs.get(base_model_job_id(base.job.needs or ""))
        is_in_vain = base is not None and (base.state is State.FAILED or bool(base.cancelled_by))
        if record.state is State.BLOCKED and not is_in_vain:
            yield f"{record.job.job_id} is blocked"


# ---- attempts


def given_up_only_after_its_lease(world: World) -> Iterator[str]:
    """An attempt of which nothing was heard is given up only after a lease, or where its agent forgot it."""
    for loss in world.tally.losses:
        if loss.is_known and loss.silent_s < world.scene.policy.lease_s:
            yield f"{loss.key} on {loss.worker} after {loss.silent_s:.0f} s"


def what_runs_is_counted_on(world: World) -> Iterator[str]:
    """A process on a worker that answers is one that the master counts on, or has told to end."""
    for worker in answering(world):
        view = world.master.state.workers[worker.name]
        for key in worker.running():
            is_counted = key in view.attempts or key in view.reattached or worker.is_stopping(key)
            if not is_counted and worker.knows(key):
                yield f"{key} runs on {worker.name} and nobody wants it"


def one_attempt_runs_within_a_lease(world: World) -> Iterator[str]:
    """A job is not on two workers that answer, but where one fell silent for a lease and came back."""
    lost = world.tally.given_up
    running: dict[str, list[int]] = {}
    for worker in answering(world):
        for job_id, attempt in worker.running():
            if not worker.is_stopping((job_id, attempt)):
                running.setdefault(job_id, []).append(attempt)
    for job_id, attempts in running.items():
        if len([attempt for attempt in attempts if (job_id, attempt) not in lost]) > 1:
            yield f"{job_id} runs as attempts {attempts}"


def no_more_than_the_slots_hold(world: World) -> Iterator[str]:
    """No worker is given more than it has slots for, nor runs more."""
    for worker in world.workers:
        running = {process.pid for process in worker.machine.processes.values()}
        if len(running) > worker.most_slots:
            yield f"{worker.name} runs {len(running)} processes"
    if world.scene.fuse > 1 and world.starts > 1:
        return  # another master does not know what was grouped, and gives out less
    for worker in world.workers if not world.dying else ():
        view = world.master.state.workers.get(worker.name)
        if view is None or not view.up:
            continue
        slots = max(view.slots, worker.most_slots)  # what began when it had more goes on
        most = slots + lookahead(slots, world.master.state.mean_duration_s())
        given = {
            worker.group_of(key) or world.master.state.jobs[key[0]].group or key for key in view.attempts
        }
        if len(given) > most:
            yield f"{view.name} was given {given}"


def nothing_starts_after_a_stop(world: World) -> Iterator[str]:
    """Once the run was told to stop, or has halted, nothing more is given out."""
    yield from world.tally.started_after_stop


# ---- blame


def no_retry_pays_for_the_place(world: World) -> Iterator[str]:
    """A retry is charged only where the script itself failed: never for a disk, a link, an agent, a bit.

    Outcomes that cannot be had again and again are charged, too: there it may be the job.
    """
    unhad = Counter(job_id for job_id, _ in world.tally.uncollectable)
    for record in world.master.state.jobs.values():
        job_id = record.job.job_id
        own = world.tally.own_failures[job_id]
        own += max(0, unhad[job_id] - world.scene.policy.max_collect_faults)
        if record.failures > own:
            yield f"{record.job.job_id} is charged {record.failures} failures and had {own}"


def failed_jobs_used_up_their_tries(world: World) -> Iterator[str]:
    """A job fails for good only when an allowance is used up, or another try is known to be in vain."""
    policy, halted = world.scene.policy, world.master.state.halted
    for record in world.master.state.jobs.values():
        used_up = (
            record.failures > policy.retries
            or record.losses > policy.max_losses
            or record.requeues > policy.max_requeues
            or record.evictions > policy.max_evictions
            or record.faults > policy.max_faults
            or record.false_starts > policy.max_false_starts
        )
        if record.state is State.FAILED and not used_up and not record.hopeless and not halted:
            yield f"{record.job.job_id}: {record.note}"


def nobody_is_dismissed_for_nothing(world: World) -> Iterator[str]:
    """A worker that keeps to the protocol is never given up, but by a journal older than what it knows."""
    for why in world.tally.dismissed:
        if "--rebuild" not in why or not world.home.rollbacks:
            yield why


# ---- the books


def acknowledged_events_are_durable(world: World) -> Iterator[str]:
    """An event need not be said again only when the journal has what follows from it."""
    for worker, key, kind in world.tally.acknowledged:
        if (worker, key, kind) not in world.tally.journalled:
            yield f"{kind.value} of {key} on {worker}"


def the_books_agree(world: World) -> Iterator[str]:
    """What is counted and indexed agrees with the records."""
    try:
        check_books(world.master.state)
    except AssertionError as error:
        yield str(error) or "counts, queues and records differ"


def the_journal_tells_all(world: World) -> Iterator[str]:
    """Who starts from the journal now knows all that the master knows."""
    master = world.master
    if world.dying or master.turns % 25:
        return
    told, live = master.recovered(), master.state
    for job_id in told.jobs.keys() & live.jobs.keys():
        then, now = essence(told, job_id), essence(live, job_id)
        if world.home.rollbacks:  # which numbers an agent knows of old is told again
            then = {**then, "attempt": now["attempt"], "orphaned": now["orphaned"]}
        if then != now:
            yield f"it says {then}, the master knows {now}"


def every_open_job_can_go_on(world: World) -> Iterator[str]:
    """A job that has not ended waits for something that will come: nobody has forgotten it."""
    if world.dying or world.master.exit_code is not None or world.master.inbox:
        return
    delayed = {job_id for _, job_id in world.master.state.delayed}
    for record in world.master.state.jobs.values():
        if record.state not in ENDED and not _waits_for(world, record, delayed):
            yield f"{record.job.job_id} is {record.state.value}: {record.history[-6:]}"


def _waits_for(world: World, record: JobRecord, delayed: set[str]) -> str:
    """Return what an open job waits for; empty where there is nothing."""
    state, job_id = world.master.state, record.job.job_id
    if state.stopping and record.state not in WITH_A_WORKER:
        return "the next start"
    if record.state is State.PENDING:
        return _waits_for_its_base(world, record)
    if record.state is State.READY:
        queued = record.job in state.ready or job_id in delayed
        return "a worker with room" if queued else ""
    link = world.master.links.get(record.worker or "")
    if link is None or not link.up or link.in_flight:
        return "its worker"
    if world.master.workers[record.worker or ""].life is None:
        return "its agent"
    if record.state is State.COLLECTING:
        return "the courier" if world.master.courier.is_under_way(record.key) else ""
    return _waits_on_its_worker(world, record)


def _waits_for_its_base(world: World, record: JobRecord) -> str:
    state = world.master.state
    base = state.jobs.get(base_model_job_id(record.job.needs or ""))
    if record.job.job_id in state.unlocking or (state.policy.strict_phases and state.open_phase1):
        return "its turn"
    return "its base model" if base is not None and base.state not in ENDED else ""


def _waits_on_its_worker(world: World, record: JobRecord) -> str:
    worker = world.master.workers[record.worker or ""]
    attempt = worker.life.state.attempts.get(record.key) if worker.life else None
    if worker.life is None or attempt is None:
        return ""
    lacking = [name for name in attempt.needs if worker.life.state.artefacts.get(name) is Artefact.WANTED]
    if not worker.waits_for_slot_or_data(record.key) or not lacking:
        return "its agent"
    behind, peers = world.master.state.behind, world.master.state.peers
    if any((worker.name, name) in behind or peers.taking(name, worker.name) for name in lacking):
        return "what another one is sent, or passes on, which is looked after"
    deliveries = [cmd.Deliver(worker.name, name) for name in lacking]
    return "data" if any(map(world.master.courier.is_under_way, deliveries)) else ""


# ---- in the end


def successes_have_results(world: World) -> Iterator[str]:
    """Every experiment that is told to have succeeded has a result, and every result is told of."""
    records = [record for record in world.master.state.jobs.values() if record.job.phase == 2]
    done = {record.job.job_id for record in records if record.state is State.SUCCEEDED}
    if done != world.home.results.keys():
        yield f"{done ^ world.home.results.keys()}"


OF_THE_MASTER: tuple[Invariant, ...] = (
    recorded_once,
    recorded_bytes_are_the_attempts,
    recorded_results_are_home,
    blocked_jobs_have_a_failed_ancestor,
    nothing_starts_after_a_stop,
    nothing_starts_on_a_worker_that_a_user_holds,
    every_open_job_has_a_cause,
    what_a_user_cancelled_stays_so,
    what_a_user_set_holds,
    what_a_user_prefers_goes_first,
    no_retry_pays_for_the_place,
    failed_jobs_used_up_their_tries,
    the_books_agree,
    the_journal_tells_all,
    *pruning.OF_THE_MASTER,
)
"""Asked whenever the master has had a turn: what they ask of changes at no other time."""

OF_ALL: tuple[Invariant, ...] = (
    results_are_never_written_over,
    thrown_away_only_when_nobody_needs_it,
    base_models_are_checked_before_use,
    jobs_start_from_their_own_base_model,
    given_up_only_after_its_lease,
    nobody_is_dismissed_for_nothing,
    *seats.OF_ALL,
    what_runs_is_counted_on,
    one_attempt_runs_within_a_lease,
    no_more_than_the_slots_hold,
    nobody_waits_for_a_group,
    what_was_tried_before_runs_alone,
    acknowledged_events_are_durable,
    every_open_job_can_go_on,
)
"""Asked after everything that happens."""

OF_THE_END: tuple[Invariant, ...] = (successes_have_results, *seats.OF_THE_END, *pruning.OF_THE_END)
INVARIANTS = (*OF_THE_MASTER, *OF_ALL, *OF_THE_END)
