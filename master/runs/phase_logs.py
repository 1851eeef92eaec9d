"""The logs `phase1_base_models.json` and `phase2_experiments.json`; `docs/outputs.md` has their keys."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from master import steady_clock
from master.core.machine_use import Used, from_json, gpu_utilization_percent, to_json, together
from master.core.planning.plan import base_model_job_id
from master.core.running.fleet.worker_view import WorkerView
from master.core.running.lifecycle import State
from master.core.running.records import RunState
from master.core.running.summary import JobRow, job_rows, utilization_percent
from master.core.timestamps import Span, iso
from master.runs.job_json import Entry, job_json, picked
from master.runs.run import RunResult
from master.runs.script_jobs import job_configs
from master.specs import EMPTY, Config, ServerSpec
from master.storage.earlier_log import read_phase_log
from master.storage.run_layout import RunLayout
from worker_agent.protocol.whole_files import write_whole

JOB_KEYS = (
    *("job_id", "gpu", "config", "success", "returncode", "start_time", "end_time", "duration_seconds"),
    *("stderr", "state", "worker", "attempt", "error", "spec_hash", "parent"),
    *("resumes_from", "content_hash"),
    *("peak_rss_bytes", "peak_gpu_bytes", "left_out"),
)
"""Of each of `jobs`."""
RESULT_KEYS = JOB_KEYS[:9]
"""Of each of `results`, which has a `name` besides."""
AUTO = "auto"
_FAILED = (State.FAILED, State.BLOCKED)


def build_phase_log(
    state: RunState,
    phase: int,
    configs: Mapping[str, Config],
    start: Span,
    slots: int,
    previous: Mapping[str, Any] = EMPTY,
) -> dict[str, Any]:
    """Return the log of a phase.

    `start` is from when to when this start of the run went, `slots` is the number of jobs that the cluster
    runs at a time.  `previous` is the log that an earlier start left: base models that it
    trained, and that are in the store now, stay in, and the durations add up.
    """
    rows = job_rows(state, phase)
    entries = [_entry(row, configs.get(row.job_id, EMPTY)) for row in rows]
    new = _not_in(previous, entries)
    kept = _kept(previous, entries, state, phase)
    entries = [*kept, *entries]
    span = _span(new, start)
    begin, end, total_s = iso(span.begin), iso(span.end), span.seconds if new else 0.0
    if previous:
        begin, total_s = previous["start_time"], previous["total_duration_seconds"] + total_s
    if previous and not new:
        end, slots = previous["end_time"], previous["slots"]
    busy_s = sum(row.own_s for row in rows) + sum(entry["duration_seconds"] or 0.0 for entry in kept)
    return {
        "start_time": begin,
        "end_time": end,
        "total_duration_seconds": round(total_s, 3),
        "slots": slots,
        "total_jobs": len(entries),
        "successful_jobs": sum(entry["success"] for entry in entries),
        "failed_jobs": sum(entry["state"] in _FAILED for entry in entries),
        "slot_utilization_percent": round(utilization_percent(busy_s, slots, total_s), 2),
        "jobs": entries,
    }


def with_usage(
    log: Mapping[str, Any], used: Used, state: RunState, previous: Mapping[str, Any] = EMPTY
) -> dict[str, Any]:
    """Return the log with what was sampled of the workers, earlier starts included."""
    used = together(from_json(previous.get("usage", EMPTY)), used)
    percent = gpu_utilization_percent(used)
    if percent is None and not any(view.gpu_bytes for view in state.workers.values()):
        percent = 0.0  # no GPU there, and none was busy
    return {**log, "gpu_utilization_percent": percent, "usage": to_json(used)}


def with_results(log: Mapping[str, Any], gpus: Sequence[str], users: Mapping[str, str]) -> dict[str, Any]:
    """Return the log with `gpus` and `results` as other tools read them.

    `users` holds `user@host` for the workers that are reached as somebody.
    """
    results = [_result(number, entry, users) for number, entry in enumerate(log["jobs"])]
    seen = (result["gpu"] for result in results if result["gpu"])
    return {**log, "gpus": list(dict.fromkeys([*gpus, *seen])), "results": results}


def _result(number: int, entry: Entry, users: Mapping[str, str]) -> Entry:
    """Return a job as other tools know it: by its place in the list, on a GPU of `user@host`."""
    worker, slot = entry.get("worker") or "", _devices((entry.get("gpu") or "").rpartition(":")[2])
    own = {
        "job_id": number,
        "gpu": f"{users.get(worker, worker)}:{slot}" if entry.get("gpu") else None,
        "stderr": None if entry["success"] else entry.get("stderr"),
        "name": entry["job_id"],
    }
    return {**{key: entry.get(key) for key in RESULT_KEYS}, **own}


def _devices(slot: str) -> str:
    """Return the devices of a slot, of which a job on several GPUs has as many."""
    return ",".join(part.partition(".")[0] for part in slot.split(","))


def gpus_of(servers: Iterable[ServerSpec], state: RunState) -> list[str]:
    """Return the GPUs of the workers that came up, or the CPU slots of those without, as `user@host:gpu0`."""
    found = []
    for server in servers:
        view = state.workers.get(server.name) or WorkerView(server.name)
        named = server.agent.gpus if server.agent.gpus != [AUTO] else []
        gpus = named or [str(number) for number in range(len(view.gpu_bytes))]
        slots = [f"gpu{index}" for index in gpus] or [f"cpu{number}" for number in range(view.slots)]
        found += [f"{as_reached(server)}:{slot}" for slot in slots if view.slots]
    return found


def as_reached(server: ServerSpec) -> str:
    """Return `user@host`, or the host alone where the user is not said."""
    return f"{server.user}@{server.host}" if server.user else server.host


def _entry(row: JobRow, config: Config) -> Entry:
    """Return a job as its log has it: some names are older than the others."""
    own = {
        "gpu": row.where or None,
        "config": dict(config),
        "success": row.state is State.SUCCEEDED,
        "returncode": row.exit_code,
    }
    return picked({**job_json(row), **own}, JOB_KEYS)


def _not_in(previous: Mapping[str, Any], entries: Sequence[Entry]) -> list[Entry]:
    """Return the entries of attempts that ended since the previous log was written."""
    known = {_key(entry) for entry in previous.get("jobs", ())}
    return [entry for entry in entries if entry["end_time"] and _key(entry) not in known]


def _key(entry: Entry) -> tuple[str, str | None, str | None]:
    return entry["job_id"], entry["start_time"], entry["end_time"]


def _kept(previous: Mapping[str, Any], entries: Sequence[Entry], state: RunState, phase: int) -> list[Entry]:
    """Return what the previous log says of base models that need no training any more."""
    if phase != 1:
        return []
    present = {entry["job_id"] for entry in entries}
    in_store = {base_model_job_id(spec_hash) for spec_hash in state.plan.in_store}
    return [
        entry
        for entry in previous.get("jobs", ())
        if entry["job_id"] in in_store and entry["job_id"] not in present and entry["success"]
    ]


def _span(entries: Sequence[Entry], start: Span) -> Span:
    """Return from when to when `entries` ran.

    The workers' clocks may be wrong, so that the span never leaves the one of the start; a span of nothing is
    replaced by the start's.
    """
    if not entries:
        return start
    first = min(_unix(entry["start_time"]) for entry in entries)
    last = max(_unix(entry["end_time"]) for entry in entries)
    inside = Span(max(first, start.begin), min(last, start.end))
    return inside if inside.begin < inside.end else start


def _unix(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def write_phase_log(path: Path, log: Mapping[str, Any]) -> None:
    """Write a log under its name only once it is whole.  Raises OSError."""
    text = json.dumps(log, indent=2, ensure_ascii=False) + "\n"
    # A log's tail may hold half characters as lone surrogates; written as \udcxx they are JSON all the same.
    write_whole(path, text.encode("utf-8", "backslashreplace"))


def write_phase_logs(layout: RunLayout, result: RunResult) -> Iterator[str]:
    """Write the logs of both phases; yield what to say of one that cannot be written."""
    state, configs = result.state, job_configs(result.jobs)
    gpus = gpus_of(result.servers, state)
    users = {server.name: as_reached(server) for server in result.servers}
    slots = sum(view.slots for view in state.workers.values())
    for phase, path in ((1, layout.phase1_log), (2, layout.phase2_log)):
        start, previous = Span(result.started_at, steady_clock.now()), read_phase_log(path)
        log = build_phase_log(state, phase, configs, start, slots, previous)
        log = with_usage(log, result.used.get(phase, EMPTY), state, previous)
        try:
            write_phase_log(path, with_results(log, gpus or previous.get("gpus", []), users))
        except OSError as error:
            yield f"{path} cannot be written: {error.strerror}; the same command writes it again"
