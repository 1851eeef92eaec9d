"""Says why a job has not ended, in one sentence, and what would change it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from master.core.explaining.causes import Cause, Hindrance, Obstacle, Why
from master.core.explaining.explain import explain, speaks_for_all
from master.core.explaining.progress import Progress, sharpened
from master.core.harmless import clean
from master.core.planning.plan import BASE_MODELS
from master.core.running.records import RunState
from master.view.wording import progress_text, short_hash, time_of_day
from worker_agent.protocol.reports import Said

_ALONE = {
    Obstacle.UNUSABLE: "cannot be used",
    Obstacle.LABELS: "has not the label",
    Obstacle.CONNECTING: "is being connected",
    Obstacle.DOWN: "is not connected",
    Obstacle.NO_ALLOCATION: "has no allocation",
    Obstacle.QUEUED: "waits in the queue",
    Obstacle.STARTING: "has an allocation, and its agent is being connected",
    Obstacle.GIVEN_BACK: "has an allocation that is about to end",
    Obstacle.TOO_LITTLE_TIME: "has too little left of its allocation",
    Obstacle.TOO_SMALL: "has not enough",
    Obstacle.FAILED_THERE: "would fail it again",
    Obstacle.PAUSED_BY_USER: "is paused",
    Obstacle.DRAINED_BY_USER: "is drained",
    Obstacle.REMOVED: "is being removed",
    Obstacle.PAUSED: "is paused",
    Obstacle.PROBED: "is tried with one job, as its place was bad",
    Obstacle.HELD_BY_OTHERS: "has all slots held by other runs or users",
    Obstacle.AVOIDED: "is kept for last, as the job failed there",
    Obstacle.SMALLER_GPU: "has a smaller GPU than another",
    Obstacle.FULL: "is full",
    Obstacle.MACHINE_FULL: "has too little left beside what runs there",
}
_TOGETHER = {
    Obstacle.UNUSABLE: "cannot be used",
    Obstacle.LABELS: "have not the label",
    Obstacle.CONNECTING: "are being connected",
    Obstacle.DOWN: "are not connected",
    Obstacle.NO_ALLOCATION: "have no allocation",
    Obstacle.QUEUED: "wait in the queue",
    Obstacle.STARTING: "have an allocation, and their agents are being connected",
    Obstacle.GIVEN_BACK: "have allocations that are about to end",
    Obstacle.TOO_LITTLE_TIME: "have too little left of their allocations",
    Obstacle.TOO_SMALL: "have not enough",
    Obstacle.FAILED_THERE: "would fail it again",
    Obstacle.PAUSED_BY_USER: "are paused",
    Obstacle.DRAINED_BY_USER: "are drained",
    Obstacle.REMOVED: "are being removed",
    Obstacle.PAUSED: "are paused",
    Obstacle.PROBED: "are tried with one job each, as their places were bad",
    Obstacle.HELD_BY_OTHERS: "have all slots held by other runs or users",
    Obstacle.AVOIDED: "are kept for last, as the job failed there",
    Obstacle.SMALLER_GPU: "have smaller GPUs than another",
    Obstacle.FULL: "are full",
    Obstacle.MACHINE_FULL: "have too little left beside what runs there",
}
_HELD = (Obstacle.PAUSED_BY_USER, Obstacle.DRAINED_BY_USER)
_ENDING = frozenset({Obstacle.PAUSED, *_HELD})
"""Obstacles whose end is known, and not expected."""
_NAMED = frozenset({Obstacle.LABELS, Obstacle.TOO_SMALL})
"""Obstacles whose reason is a thing, and is said in the same breath."""
_MOST_NAMED = 5
_CHANGES = {
    Why.STOPPING: "the same command goes on after it",
    Why.MOST_RUN: "twophase set --at-once, or a start without --no-parallel",
    Why.AWAITS_PHASE_1: "a start without --strict-phases",
}


def sentence(cause: Cause, at: float) -> str:
    """Return why a job has not ended; `at` is now, as Unix time."""
    return clean(_SAY[cause.why](cause, at))


def sentence_of_running(cause: Cause, progress: Progress | None, at: float) -> str:
    """Return why a job has not ended, with how far it says it is."""
    if progress is None:
        return sentence(cause, at)
    epoch, metrics = progress_text(Said(None, progress.epoch, progress.epochs, progress.metrics))
    told = ", ".join(filter(None, (f"epoch {epoch}", metrics)))
    return f"{sentence(sharpened(cause, progress), at)}: {told}"


def why_nothing_runs(state: RunState, at: float) -> str:
    """Return why no job of a run is running; "" while one is, or once nothing more is to be started."""
    job_id = None if state.stopping else speaks_for_all(state)
    cause = explain(state, job_id, at) if job_id else None
    if job_id is None or cause is None:
        return ""
    return f"nothing runs: {_name(job_id)} {sentence(cause, at)}"


def _runs(cause: Cause, at: float) -> str:
    since = f" since {time_of_day(cause.since, at)}" if cause.since is not None else ""
    late = cause.until is not None and cause.until < at
    return f"runs on {cause.worker}{since}" + (
        ", longer than others of its kind" if late else _about(cause.until, at)
    )


def _silent(cause: Cause, at: float) -> str:
    reason = f" ({cause.reason})" if cause.reason else ""
    then = f"; given to another worker at {time_of_day(cause.until, at)} if that lasts" if cause.until else ""
    return f"its worker {cause.worker} has not answered since {time_of_day(cause.since, at)}{reason}{then}"


def _awaits_base(cause: Cause, at: float) -> str:
    why = f", which {sentence(cause.of_base, at)}" if cause.of_base else ""
    return f"waits for {', '.join(filter(None, (_name(cause.job), cause.reason)))}{why}"


def _put_off(cause: Cause, at: float) -> str:
    until = f" at {time_of_day(cause.until, at)}" if cause.until is not None else ""
    return f"is tried again{until}, after: {cause.reason or 'a failure'}"


def _checkpoint(cause: Cause, at: float) -> str:
    until = f", until {time_of_day(cause.until, at)} at most" if cause.until is not None else ""
    return f"waits for what its last attempt left on {cause.worker} to come home{until}"


def _stopping(cause: Cause, at: float) -> str:
    return f"is not started any more{': ' + cause.reason if cause.reason else ', as you asked'}"


def _no_room(cause: Cause, at: float) -> str:
    groups: dict[tuple[Obstacle, str, str], list[Hindrance]] = {}
    for each in cause.hindrances:
        groups.setdefault((each.obstacle, each.by, each.reason), []).append(each)
    head = "will find no worker" if cause.lasts else "finds no worker now"
    if not groups:
        return f"finds no worker: {cause.reason or 'there is none'}"
    return f"{head}: {', '.join(_group(group, at) for group in groups.values())}"


def _group(group: Sequence[Hindrance], at: float) -> str:
    first = group[0]
    alone = len(group) == 1
    who = first.worker if alone else str(len(group))
    says = (_ALONE if alone else _TOGETHER)[first.obstacle]
    ends = [each.until for each in group if each.until is not None]
    until = f" until {time_of_day(min(ends), at)}" if ends and first.obstacle in _ENDING else ""
    word = "and is expected to begin about" if first.obstacle is Obstacle.QUEUED else "until about"
    about = _about(min(ends), at, word) if ends and not until else ""
    joint = " " if first.obstacle in _NAMED else ": "
    by = f" by {first.by}" if first.by else ""
    began = [each.since for each in group if each.since is not None]
    since = f" since {time_of_day(min(began), at)}" if began else ""
    return f"{who} {says}{by}{since}{until}{about}{joint + first.reason if first.reason else ''}"


def _about(until: float | None, at: float, word: str = "until about") -> str:
    return f" {word} {time_of_day(until, at)}" if until is not None and until >= at else ""


def _name(job_id: str) -> str:
    kind, _, spec_hash = job_id.partition("/")
    return f"base model {short_hash(spec_hash)}" if kind == BASE_MODELS else job_id


_SAY: dict[Why, Callable[[Cause, float], str]] = {
    Why.RUNS: _runs,
    Why.COMES_HOME: lambda cause, at: f"has succeeded on {cause.worker}, its outcome is on its way home",
    Why.STARTS: lambda cause, at: f"is queued on {cause.worker}, which has not started it yet",
    Why.AWAITS_FILES: lambda cause, at: f"waits on {cause.worker} for the files that it starts from",
    Why.WORKER_SILENT: _silent,
    Why.AWAITS_BASE_MODEL: _awaits_base,
    Why.AWAITS_PHASE_1: lambda cause, at: "waits for all base models, as --strict-phases asks",
    Why.GOES_ON: lambda cause, at: "its base model has ended, it goes on in a moment",
    Why.BACKS_OFF: _put_off,
    Why.AWAITS_CHECKPOINT: _checkpoint,
    Why.STOPPING: _stopping,
    Why.MOST_RUN: lambda cause, at: f"waits: as many jobs run as you allow ({cause.reason})",
    Why.NO_ROOM: _no_room,
    Why.IS_NEXT: lambda cause, at: f"comes next: {cause.worker} has room for it",
}


def what_changes_it(cause: Cause) -> str:
    """Return what would let the job go on sooner; "" where there is nothing but to wait."""
    if cause.of_base:
        return what_changes_it(cause.of_base)
    if cause.why is not Why.NO_ROOM:
        return _CHANGES.get(cause.why, "")
    if not cause.hindrances:
        return _REMEDIES[Obstacle.REMOVED]
    held = [each.worker for each in cause.hindrances if each.obstacle in _HELD]
    resume = f"twophase resume {' '.join(held[:_MOST_NAMED])}{' …' if len(held) > _MOST_NAMED else ''}"
    others = (_REMEDIES.get(each.obstacle, "") for each in cause.hindrances)
    return "; ".join(dict.fromkeys(filter(None, (resume if held else "", *others))))


_REMEDIES = {
    Obstacle.UNUSABLE: "mend the worker, and give the same command again",
    Obstacle.LABELS: "give a worker the label in the cluster config",
    Obstacle.TOO_SMALL: "a larger worker, or less in the job's resources",
    Obstacle.DOWN: "mend the connection: it is tried again by itself",
    Obstacle.PAUSED: "mend its place: it is tried again by itself",
    Obstacle.REMOVED: "add a worker: twophase add-worker",
}
