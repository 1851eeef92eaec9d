"""Bugs that somebody might make in the protocol; each breaks a promise, and the simulation says which."""

from __future__ import annotations

from master.core.running import attempts, jobs, recovery, retry, run_state, workers
from master.core.running.fleet.worker_view import WorkerView
from master.core.running.orders import holding, setting
from master.core.running.placing import assigning, grouping
from master.core.running.spread import one_disk
from master.runs import dispatcher
from master.runs.dispatcher import Dispatcher
from tests.simulation.mutation import Mutation
from tests.simulation.pruning_bugs import OF_PRUNING
from worker_agent.core import slot_assignment, staging, transitions
from worker_agent.runtime import recovery as agent_recovery
from worker_agent.runtime.effects.starts import StartEffects

OF_THE_MASTER = (
    Mutation(
        "what a user cancelled is tried again by the next start",
        run_state._stays,
        "return bool(record.cancelled_by)",
        "return False",
        breaks="what_a_user_cancelled_stays_so",
    ),
    Mutation(
        "what is to go on is forgotten",
        jobs.revive,
        "state.unlocking.append(record.job.job_id)",
        "pass",
        breaks="every_open_job_can_go_on",
    ),
    Mutation(
        "a lease ends at once",
        workers.on_tick,
        "event.at - view.since <= state.policy.lease_s",
        "event.at - view.since <= 1.0",
        breaks="given_up_only_after_its_lease",
    ),
    Mutation(
        "what is lost costs a retry",
        retry.judge,
        "record.losses += 1",
        "record.losses += 1; record.failures += 1",
        breaks="no_retry_pays_for_the_place",
    ),
    Mutation(
        "a bad place costs a retry",
        retry.judge,
        "if outcome is Outcome.WORKER_FAULT:",
        "if False:",
        breaks="no_retry_pays_for_the_place",
    ),
    Mutation(
        "a job that is retried is given up",
        retry._allowance,
        "if count <= allowed:",
        "if count < allowed:",
        breaks="failed_jobs_used_up_their_tries",
    ),
    Mutation(
        "what was replaced goes on",
        attempts._replace_current,
        "out.commands.append(kind(record.worker, *record.key))",
        "pass",
        breaks="what_runs_is_counted_on",
    ),
    Mutation(
        "an end that comes late is thrown away",
        attempts._finished_late,
        "lost.worker != event.worker",
        "event.finished.succeeded",
        breaks="thrown_away_only_when_nobody_needs_it",
    ),
    Mutation(
        "jobs do not wait for their base model",
        jobs.lacks_base,
        "record.job.needs not in state.home",
        "record.job.needs in state.jobs",
        breaks="nobody_is_dismissed_for_nothing",
    ),
    Mutation(
        "a stop stops nothing",
        assigning.place,
        "if state.stopping or not len(state.ready):",
        "if not len(state.ready):",
        breaks="nothing_starts_after_a_stop",
    ),
    Mutation(
        "a worker gets one attempt too many",
        WorkerView.room,
        "- self.held_by_others + lookahead",
        "- self.held_by_others + lookahead + 1",
        breaks="no_more_than_the_slots_hold",
    ),
    Mutation(
        "a hold holds nothing",
        WorkerView.room,
        "or self.hold or",
        "or",
        breaks="nothing_starts_on_a_worker_that_a_user_holds",
    ),
    Mutation(
        "a hold is forgotten by the next start",
        holding.replay_hold,
        "_set(view, _hold_of(event))",
        "pass",
        breaks="nothing_starts_on_a_worker_that_a_user_holds",
    ),
    Mutation(
        "how many run at a time is forgotten by the next start",
        setting.replay_at_once,
        "state.at_once = event.order.most",
        "pass",
        breaks="what_a_user_set_holds",
    ),
    Mutation(
        "how many run on a worker is forgotten by the next start",
        holding.replay_slots,
        "_limit(view, event.order.slots)",
        "pass",
        breaks="what_a_user_set_holds",
    ),
    Mutation(
        "what is to go first is forgotten by the next start",
        setting.replay_priority,
        "_prefer(state, record, event.order.priority)",
        "pass",
        breaks="what_a_user_prefers_goes_first",
    ),
    Mutation(
        "an interruption costs a retry",
        attempts._finished_in_vain,
        "interrupted = finished",
        "record.failures += 1; interrupted = finished",
        breaks="no_retry_pays_for_the_place",
    ),
    Mutation(
        "jobs are blocked while their base model is made again",
        jobs._block_in_vain,
        "why = _in_vain(base) if base",
        "why = _in_vain(base) or 'is not here' if base",
        breaks="blocked_jobs_have_a_failed_ancestor",
    ),
    Mutation(
        "a start forgets what may come back",
        recovery._replay,
        "orphan(record)",
        "pass",
        breaks="the_journal_tells_all",
    ),
    Mutation(
        "a start gives out numbers again",
        recovery._apply,
        "record.attempts = max(record.attempts, transition.attempt)",
        "record.attempts = record.attempts",
        breaks="the_journal_tells_all",
    ),
    Mutation(
        "a retry is not journalled",
        jobs.move,
        "if record.state is before and",
        "if trigger is Trigger.RETRY or record.state is before and",
        breaks="the_journal_tells_all",
    ),
    Mutation(
        "agents are told before the journal is",
        Dispatcher.turn,
        "self._remember(outboxes)\n",
        "self._carry_out([], _acks(batch)); self._remember(outboxes)\n",
        breaks="acknowledged_events_are_durable",
    ),
    Mutation(
        "more is acknowledged than has come",
        dispatcher._acks,
        "max(acks.get(item.worker, 0), item.seq)",
        "item.seq + 3",
        breaks="acknowledged_events_are_durable",
    ),
    Mutation(
        "an outcome is not sent for",
        jobs.finish,
        "out.commands.append(collecting(record))",
        "pass",
        breaks="every_open_job_can_go_on",
    ),
    Mutation(
        "an outcome is not sent for again",
        workers._say_again,
        "out.commands.append(collecting(record))",
        "pass",
        breaks="every_open_job_can_go_on",
    ),
    Mutation(
        "a launch that was lost is not said again",
        workers._reconcile,
        "out.commands.append(cmd.StartAttempt(event.worker, *record.key))",
        "pass",
        breaks="every_open_job_can_go_on",
    ),
)

OF_DISKS = (
    Mutation(
        "what is not on the disk is not sent",
        one_disk.on_fetch_failed,
        "send(state, view, event.content_hash, out)",
        "pass",
        breaks="every_open_job_can_go_on",
    ),
    Mutation(
        "who has taken something from the disk does not say so",
        staging._say_fetched,
        "state.outbox.append(cmd.Send(Fetched(content_hash, source, round(seconds, 6))))",
        "pass",
        breaks="every_open_job_can_go_on",
    ),
)

OF_GROUPS = (
    Mutation(
        "a group gives its room away with the first that ends",
        jobs._pass_on,
        "view.claims[mate] = claim",
        "pass",
        breaks="no_more_than_the_slots_hold",
    ),
    Mutation(
        "what was lost with its group is grouped again",
        grouping._may_share,
        "record.attempts == record.unbegun",
        "True",
        breaks="what_was_tried_before_runs_alone",
    ),
    Mutation(
        "a group waits until all of it is there",
        slot_assignment._is_gathering,
        "is Artefact.LOOKING",
        "is not Artefact.PRESENT",
        breaks="nobody_waits_for_a_group",
    ),
    Mutation(
        "the first of a group that ends gives its slot away",
        slot_assignment._pass_on,
        "if not riders:\n        return False",
        "if True:\n        return False",
        breaks="no_process_breaks",
    ),
    Mutation(
        "who cannot train with others is forgotten",
        transitions.on_alone,
        "_requeue(state, started.key)",
        "pass",
        breaks="every_run_ends",
    ),
    Mutation(
        "strangers come along",
        slot_assignment._riders,
        "_group_of(each) == group and",
        "",
        breaks="no_process_breaks",
    ),
)

OF_THE_AGENT = (
    Mutation(
        "a launch that is said twice is begun twice",
        transitions._take_in,
        "if key in state.attempts:",
        "if False:",
        breaks="no_process_breaks",
    ),
    Mutation(
        "what runs can be released",
        transitions.on_release,
        "attempt is None or attempt.phase is not Phase.FINISHED",
        "attempt is None",
        breaks="no_process_breaks",
    ),
    Mutation(
        "a cancel ends nothing that runs",
        transitions.on_cancel,
        "elif attempt.phase in (Phase.STARTING, Phase.RUNNING):",
        "elif False:",
        breaks="what_runs_is_counted_on",
    ),
    Mutation(
        "what an agent took down with it is not told of",
        agent_recovery.report_lost,
        "transitions.on_lost(state, key, why, now, outcome)",
        "pass",
        breaks="every_run_ends",
    ),
    Mutation(
        "what is adopted has no slot",
        agent_recovery.resume,
        "state.slots[found.slot] = attempt.key",
        "pass",
        breaks="no_process_breaks",
    ),
    Mutation(
        "nobody looks at data before the start",
        StartEffects._is_fit,
        'if status != "present":',
        "if False:",
        breaks="base_models_are_checked_before_use",
    ),
    Mutation(
        "a new master is not told what is wanted",
        transitions.on_hello,
        "if status is Artefact.WANTED and state.waiting.get(content_hash):",
        "if False:",
        breaks="every_open_job_can_go_on",
    ),
    Mutation(
        "what arrives damaged is not asked for again",
        staging.on_verified,
        "state.outbox.append(cmd.Send(Rejected(content_hash, problem)))",
        "pass",
        breaks="every_open_job_can_go_on",
    ),
)

MUTATIONS = (*OF_THE_MASTER, *OF_DISKS, *OF_GROUPS, *OF_PRUNING, *OF_THE_AGENT)
