"""What each route answers: from the picture of the run; what is slow is done off the page's thread."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from typing import Any

from master import steady_clock
from master.core.nearest import hint, shown
from master.core.planning.plan import makes_base_model
from master.core.results.lines import Question, ask, result_lines
from master.core.running.orders.order import MOST_OF_A_REASON
from master.errors import UsageError
from master.runs.control.client import order_all
from master.view.answers.grouped_results import as_json
from master.view.answers.states import STATES
from master.web.causes import AT_ONCE, Causes, Told
from master.web.details import base_models, detail_json
from master.web.listing import Wish, check, row_json, selected
from master.web.logs.ends import log_json
from master.web.model import Model
from master.web.overview import Failures, eta, needs_a_human, phases
from master.web.run_watch import RunWatch

Answer = dict[str, Any]
MAY_ORDER = ("cancel", "retry", "pause", "drain", "resume")
"""What names programs and machines, as `add` and `add-worker` do, is said in a shell."""
_MOST_GROUPS = 2000


class Page:
    """Its methods belong to the event loop's thread."""

    def __init__(self, watch: RunWatch) -> None:
        self.watch = watch
        self._failures, self._causes = Failures(), Causes(watch.layout)
        self._asking = asyncio.Lock()
        self._listed: tuple[object, list[str]] = None, []

    @property
    def model(self) -> Model:
        """Return the picture of the run."""
        return self.watch.model

    async def overview(self) -> Answer:
        """Return what the screen "now" shows, and what all screens need."""
        master = self.watch.master
        if master.visited():
            master.hear(await asyncio.to_thread(master.ask_machines))
        model, at, told = self.model, steady_clock.now(), master.machines
        return {
            "run_id": model.run_id,
            "name": self.watch.layout.root.resolve().name,
            "seq": model.seq,
            "at": at,
            "has_master": told is not None,
            "stopping": bool(told and told["stopping"]),
            "verbs": list(MAY_ORDER) if told else [],
            "phases": phases(model),
            "eta_s": eta(master.time_left if told else None),
            "paces": [list(each) for each in self.watch.paces],
            "failures": self._failures.ways(model),
            "needs": list(needs_a_human(model, told, at)),
            "machines": [{**each, "use": master.use.get(each["name"])} for each in told["workers"]]
            if told
            else [],
        }

    async def jobs(self, wish: Wish, offset: int, limit: int) -> Answer:
        """Return a page of jobs with why each has not ended."""
        found = self._all(wish)
        shown_now = found[offset : offset + limit]
        if self.watch.has_master:
            # More than the journal it knows why a job is given to no worker.
            await self._learn(job_id for job_id in shown_now if self.model.standing(job_id).state == "ready")
        rows = self._rows(shown_now)
        return {"seq": self.model.seq, "matching": len(found), "total": len(self.model.jobs), "rows": rows}

    def _rows(self, job_ids: Iterable[str]) -> list[Answer]:
        return [
            {
                **row_json(self.model, job_id, self._why(job_id)[0]),
                "progress": self.watch.master.far(job_id, self.model.standing(job_id)),
            }
            for job_id in job_ids
        ]

    def _all(self, wish: Wish) -> list[str]:
        """Return all jobs of a list, which scrolling through it asks for again and again."""
        key = id(self.model), self.model.seq, wish
        if self._listed[0] != key:
            self._listed = key, _selected(self.model, wish)
        return self._listed[1]

    def _why(self, job_id: str) -> Told:
        return self._causes.known(job_id, self.model.standing(job_id).since)

    async def _learn(self, job_ids: Iterable[str]) -> None:
        unknown = [
            (job_id, self.model.standing(job_id).since) for job_id in job_ids if not self._why(job_id)[0]
        ]
        if unknown:
            async with self._asking:
                await asyncio.to_thread(self._causes.learn, unknown[:AT_ONCE])

    async def job(self, job_id: str) -> Answer:
        """Return all that is known of a job."""
        check(self.model, job_id)
        history = await asyncio.to_thread(self.watch.history, job_id)
        if self.watch.has_master:
            await self._learn([job_id])
        says, changes = self._why(job_id)
        told = {
            "why": says,
            "changes": changes,
            "progress": self.watch.master.far(job_id, self.model.standing(job_id)),
        }
        return {**detail_json(self.model, job_id, history), **told}

    async def log(self, job_id: str, attempt: int | None) -> Answer:
        """Return the end of a log."""
        check(self.model, job_id)
        return await asyncio.to_thread(
            log_json, self.watch.layout, job_id, self.model.standing(job_id), attempt
        )

    async def base_models(self) -> Answer:
        """Return the base models and what starts from them."""
        stored = await asyncio.to_thread(self.watch.stored)
        return {"base_models": base_models(self.model, stored)}

    async def results(self, by: str, over: tuple[str, ...]) -> Answer:
        """Return means over seeds, the best first."""
        model = self.model
        jobs = [
            (job_id, model.standing(job_id).state, model.standing(job_id).since, model.fields.get(job_id, {}))
            for job_id in model.jobs
            if not makes_base_model(job_id)
        ]
        return await asyncio.to_thread(self._results, jobs, by, over)

    def _results(self, jobs: list[Any], by: str, over: tuple[str, ...]) -> Answer:
        rows = self.watch.results(jobs)
        question = ask(rows, (), by)
        if by and not any(by in row.metrics for row in rows):
            raise UsageError(f"by: no job left a metric {shown(by)}")
        question = Question(question.metrics, question.by, question.ascending, over)
        lines = result_lines(rows, question)
        told = as_json(lines[:_MOST_GROUPS], question)
        return {**told, "metrics": list(question.metrics), "groups_in_all": len(lines)}

    def changes(self, since: int, watch: Sequence[str]) -> Answer:
        """Return which of the watched rows have changed since a transition, and how far their jobs are."""
        self.watch.master.visited()
        changed = self.model.changed(since)
        seen = watch if changed is None else [job_id for job_id in watch if job_id in changed]
        rows = self._rows(job_id for job_id in seen if job_id in self.model.jobs)
        told = {
            each: found
            for each in watch
            if each in self.model.jobs and (found := self.watch.master.far(each, self.model.standing(each)))
        }
        has_master = self.watch.has_master
        new = {"seq": self.model.seq, "reload": changed is None, "has_master": has_master}
        return {**new, "rows": rows, "progress": told}

    async def order(self, verb: str, asked: object) -> Answer:
        """Have the master carry an order out: on the jobs of `jobs`, or on all that fit `matching`."""
        if verb not in MAY_ORDER:
            raise LookupError(f"no order {shown(verb)}: {hint(verb, MAY_ORDER)}")
        fields, why, dry_run = _understood(asked)
        if "matching" in fields:
            wish = wished(*_matching(fields.pop("matching")))
            fields |= {"jobs": _selected(self.model, wish), "only": list(wish.states)}
        return await asyncio.to_thread(order_all, self.watch.layout, verb, fields, why, dry_run=dry_run)


def wished(query: str, states: str, base: str, sort: str = "state", reverse: bool = False) -> Wish:
    """Return what is wanted.  Raises UsageError for a state that is none."""
    chosen = tuple(filter(None, states.split(",")))
    for state in chosen:
        if state not in STATES:
            raise UsageError(f"state: {shown(state)} is none: {hint(state, STATES)}")
    return Wish(query, chosen, base, sort, reverse)


def _selected(model: Model, wish: Wish) -> list[str]:
    try:
        return selected(model, wish)
    except ValueError as error:
        raise UsageError(f"q: {error}") from error


def _understood(asked: object) -> tuple[dict[str, Any], str, bool]:
    """Return an order's fields, why it is given, and whether it is only tried.  Raises UsageError."""
    if not isinstance(asked, dict) or asked.keys() - {"order", "why", "dry_run"}:
        raise UsageError("an order is an object with order, why and dry_run")
    fields, why, dry_run = asked.get("order"), asked.get("why", ""), asked.get("dry_run", False)
    if not isinstance(fields, dict) or not isinstance(why, str) or not isinstance(dry_run, bool):
        raise UsageError("an order has an object as order, text as why, true or false as dry_run")
    if len(why) > MOST_OF_A_REASON:
        raise UsageError(f"why: more than {MOST_OF_A_REASON} characters")
    return dict(fields), why, dry_run


def _matching(told: object) -> tuple[str, str, str]:
    """Return the words of a list's filter.  Raises UsageError."""
    names = ("q", "state", "base")
    if not isinstance(told, dict) or told.keys() - set(names):
        raise UsageError("matching: an object with q, state and base")
    texts = [told.get(name, "") for name in names]
    if not all(isinstance(text, str) for text in texts):
        raise UsageError("matching: q, state and base are text")
    return texts[0], texts[1], texts[2]
