"""`job.json`: what a result says of the attempt that made it."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

from master.code.code_history import CodeStart
from master.code.origin import Described
from master.core.timestamps import iso
from master.storage.run_layout import record_names
from worker_agent.protocol.digests import FileDigest
from worker_agent.protocol.outcome import Finished

RECORD_FORMAT = 1
MOST_FILES = 100
"""Of the program, that are named with their digests: there may be 100,000 results."""


def attempt_record(
    job_id: str, attempt: int, known: Described, finished: Finished, worker: Mapping[str, Any]
) -> dict[str, Any]:
    """Return what a result says; `finished` is what its agent said, `worker` what is known of the worker."""
    facts, started_at, took_s = known.facts, finished.started_at, finished.duration_s
    return {
        "format": RECORD_FORMAT,
        "job_id": job_id,
        "run_id": known.run_id,
        "epoch": known.epoch,
        "parameters": dict(facts.parameters),
        "varied": {name: facts.parameters.get(name) for name in facts.varied},
        "command": list(facts.command),
        "spec_hash": facts.base_model,
        "code": _code_json(known.code) if known.code else None,
        "attempt": attempt,
        **{key: worker.get(key) for key in ("worker", "python", "torch")},
        "slot": finished.slot,
        "executor": finished.executor,
        "group": None if finished.group is None else _group_json(finished, facts.same_bits),
        "start_time": iso(started_at),
        "end_time": None if started_at is None or took_s is None else iso(started_at + took_s),
        "duration_seconds": took_s,
        "exit_code": finished.exit_code,
        "peak_rss_bytes": finished.peak_rss_bytes,
        "peak_gpu_bytes": finished.peak_gpu_bytes,
        "left_out": [{"path": item.path, "reason": item.reason} for item in finished.left_out],
    }


def _group_json(finished: Finished, same_bits: frozenset[str]) -> dict[str, Any]:
    device = "cpu" if (finished.slot or "").startswith("cpu") else "gpu"
    equal = device in same_bits or finished.together == 1
    agrees = "to the bit" if equal else "to rounding"
    return {"name": finished.group, "jobs": finished.together, "agrees_with_alone": agrees}


def _code_json(code: CodeStart) -> dict[str, Any]:
    files = dict(sorted(code.record.files.items())[:MOST_FILES])
    return {
        "digest": code.record.identity,
        "entry": code.record.entry or None,
        "snapshot": code.snapshot or None,
        "files": files,
        "more_files": len(code.record.files) - len(files),
    }


def record_name(taken: Iterable[str]) -> str:
    """Return what the record is called in a result with these paths: a file of the script stays as it is."""
    names = {path.lower().split("/")[0] for path in taken}
    return next(name for name in record_names() if name not in names)


def without_record(found: Iterable[FileDigest], announced: Collection[str]) -> list[FileDigest]:
    """Return the files of a published result but for our record; `announced` are the paths of the others."""
    ours = record_name(announced)
    return [file for file in found if file.path != ours]


def write_record(folder: Path, taken: Iterable[str], record: Mapping[str, Any]) -> None:
    """Add the record to a result that has not got its final name yet.  Raises OSError."""
    text = json.dumps(record, indent=2, ensure_ascii=False) + "\n"
    path = folder / record_name(taken)
    path.unlink(missing_ok=True)
    with path.open("xb") as stream:  # a link is not written through
        stream.write(text.encode("utf-8", "backslashreplace"))
