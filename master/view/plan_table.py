"""What a run is going to do: the table of `--dry-run`, also shown at the start, and its JSON form."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from rich.console import Console

from master.core.harmless import clean
from master.core.planning.generations.rungs import climb
from master.core.planning.generations.trees import below, branch, in_tree
from master.core.planning.identity import PARENT_FIELD
from master.core.planning.job_limits import kept
from master.core.planning.plan import Plan, planned_savings
from master.core.planning.sharing import sharing_note
from master.core.planning.varying import varying
from master.core.planning.workers import PlannedWorker
from master.specs import BaseModelSpec, JobsSpec
from master.view.plan_code import PlannedCode, code_json, print_code
from master.view.tables import cut, new_table, stdout_console
from master.view.wording import plural, short_hash

_WIDEST = 60
_MOST_NAMED = 10


def plan_json(
    jobs: JobsSpec, plan: Plan, workers: Sequence[PlannedWorker], code: PlannedCode | None = None
) -> dict[str, Any]:
    """Return what a run is going to do, ready for JSON."""
    direct = Counter(job.base_model.spec_hash for job in jobs.jobs if job.base_model)
    rungs = climb(jobs, plan.to_train)
    wanted = below(direct, jobs.starts)
    return {
        "workers": [asdict(worker) for worker in workers],
        "slots": sum(worker.slots or 0 for worker in workers if worker.reachable is not False),
        "jobs": len(jobs.jobs),
        "jobs_without_base_model": len(jobs.jobs) - direct.total(),
        "base_models": {
            "to_train": [_base_model(jobs.base_models[key], wanted[key]) for key in plan.to_train],
            "in_store": [
                _base_model(jobs.base_models[key], wanted[key], content_hash)
                for key, content_hash in plan.in_store.items()
            ],
        },
        "trainings_saved": planned_savings(plan),
        **({"rungs": rungs.as_json()} if rungs else {}),
        "sharing_note": sharing_note(jobs) or None,
        **({"code": code_json(code)} if code else {}),
    }


def _base_model(spec: BaseModelSpec, jobs: int, content_hash: str | None = None) -> dict[str, Any]:
    row = {"spec_hash": spec.spec_hash, "jobs": jobs, **spec.described}
    return row if content_hash is None else {**row, "content_hash": content_hash}


def print_plan(
    jobs: JobsSpec,
    plan: Plan,
    workers: Sequence[PlannedWorker],
    code: PlannedCode | None = None,
    *,
    console: Console | None = None,
) -> None:
    """Print what a run is going to do: its workers, its code, its base models, its experiments."""
    console = console or stdout_console()
    report = plan_json(jobs, plan, workers)
    print_workers(console, workers)
    console.print()
    if code:
        print_code(console, code)
    _print_base_models(console, report["base_models"])
    console.print(_total(report))
    if report["sharing_note"]:
        console.print(clean(report["sharing_note"]), soft_wrap=True)
    console.print()


def print_workers(console: Console, workers: Sequence[PlannedWorker]) -> None:
    """Print the workers, and what is wrong with which."""
    table = new_table("Workers", "worker", "slots", "state")
    first, hidden, last = cut(workers)
    for worker in first:
        table.add_row(worker.name, _slots(worker), _reach(worker))
    if hidden:
        table.add_row(f"… {hidden:,} more", "", "")
    for worker in last:
        table.add_row(worker.name, _slots(worker), _reach(worker))
    console.print(table)
    _print_problems(console, workers)


def _slots(worker: PlannedWorker) -> str:
    if worker.lent:
        return worker.lent
    if worker.gpus is None:
        return "the GPUs that it has, else CPU"
    if worker.gpus:
        at_a_time = f", {worker.slots} at a time" if worker.slots != worker.gpus else ""
        return plural(worker.gpus, "GPU") + at_a_time
    return "CPU, one for two cores" if worker.slots is None else f"CPU, {worker.slots} at a time"


def _reach(worker: PlannedWorker) -> str:
    if worker.reachable is None:
        return "not tried"
    if not worker.reachable:
        return "not usable, see below"
    kept_how = f", {kept(worker.limits_kept)}" if worker.limits_kept else ""
    if worker.lent:
        return "lends them when they are needed"
    return ("lacks something, see below" if worker.missing else "reachable") + kept_how


def _print_problems(console: Console, workers: Sequence[PlannedWorker]) -> None:
    """Print what is wrong with which workers, each problem once and whole, for people and for programs."""
    names: dict[str, list[str]] = {}
    for worker in workers:
        reasons = [worker.reason] if worker.reachable is False else (*worker.missing, *worker.notes)
        for reason in reasons:
            names.setdefault(reason, []).append(worker.name)
    for reason, affected in names.items():
        lines = [clean(line) for line in reason.splitlines()] or ["no reason is known"]
        console.print("\n    ".join([f"{_named(affected)}: {lines[0]}", *lines[1:]]), soft_wrap=True)


def _named(names: Sequence[str]) -> str:
    more = f" and {len(names) - _MOST_NAMED:,} more" if len(names) > _MOST_NAMED else ""
    return ", ".join(names[:_MOST_NAMED]) + more


def _print_base_models(console: Console, found: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
    states = {"to_train": "to train", "in_store": "in the store"}
    known = {row["spec_hash"]: (row, state) for key, state in states.items() for row in found[key]}
    if not known:
        return
    starts = {key: row.get("resumes_from") or row.get("parent") for key, (row, _) in known.items()}
    ordered = in_tree(known, {key: start for key, start in starts.items() if start})
    rows = [(*known[key], branch(depth)) for key, depth in ordered]
    names = _varying(rows)
    table = new_table("Base models", "hash", "state", ">experiments", "differ in")
    first, hidden, last = cut(rows)
    for row in first:
        table.add_row(*_base_model_cells(*row, names[row[0].get("stage")]))
    if hidden:
        table.add_row("…", f"{hidden:,} more", "", "all of them in the JSON form")
    for row in last:
        table.add_row(*_base_model_cells(*row, names[row[0].get("stage")]))
    console.print(table)
    console.print()


def _varying(rows: Sequence[tuple[Mapping[str, Any], str, str]]) -> dict[str | None, list[str]]:
    """Return the fields that differ within each stage; what one starts from is in the tree."""
    configs: dict[str | None, list[Mapping[str, Any]]] = {}
    for row, *_ in rows:
        configs.setdefault(row.get("stage"), []).append(row["config"])
    return {
        stage: [name for name in varying(found) if stage is None or name != PARENT_FIELD]
        for stage, found in configs.items()
    }


def _base_model_cells(
    row: Mapping[str, Any], state: str, before: str, names: Sequence[str]
) -> tuple[str, str, str, str]:
    values = ": ".join(filter(None, (row.get("stage"), _values(row["config"], names))))
    return before + short_hash(row["spec_hash"]), state, f"{row['jobs']:,}", values


def _values(config: Mapping[str, Any], names: Sequence[str]) -> str:
    text = ", ".join(f"{name} {_value(config.get(name))}" for name in names)
    return text if len(text) <= _WIDEST else text[: _WIDEST - 1] + "…"


def _value(value: Any) -> str:
    return " ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)


def _total(report: Mapping[str, Any]) -> str:
    to_train, in_store = (len(report["base_models"][key]) for key in ("to_train", "in_store"))
    experiments = plural(report["jobs"], "experiment")
    if not to_train + in_store:
        return experiments
    text = f"{experiments}; {plural(to_train, 'base model')} to train, {in_store:,} in the store"
    if report["jobs_without_base_model"]:
        text += f"; {plural(report['jobs_without_base_model'], 'experiment')} without base model"
    text += f"; {plural(report['trainings_saved'], 'training')} saved by sharing"
    return f"{text}{_climbed(report['rungs'])}." if "rungs" in report else f"{text}."


def _climbed(rungs: Mapping[str, Any]) -> str:
    text, whole = f"; {rungs['trained']:,} {rungs['field']} to train", rungs["trained"] + rungs["saved"]
    return f"{text} instead of {whole:,}, by going on from lower rungs" if rungs["saved"] else text
