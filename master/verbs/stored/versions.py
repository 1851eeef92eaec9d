"""`twophase base log` and `base diff`."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from master.commands.frame import Command
from master.core.explaining.versions import age_order, differences, family_of, shown
from master.core.planning.generations.rungs import RESUMES_FROM
from master.core.planning.generations.trees import line
from master.core.planning.identity import CODE_FIELD
from master.core.timestamps import iso
from master.storage.base_model_store import BaseModelStore
from master.storage.metrics_file import base_metrics
from master.storage.run_layout import RunLayout
from master.verbs.stored.listing import HASH_SHOWN, fields_of, starts_of
from master.verbs.stored.named import named_manifest, planned_in
from master.view.wording import duration

_MOST_JOBS = 10


def do(options: argparse.Namespace, command: Command) -> int:
    """Tell of one base model, or of two, and return the exit code."""
    layout = RunLayout(options.run)
    if options.what == "log":
        found = _log(layout, named_manifest(layout, options.base_model))
        text = _log_lines
    else:
        found = _difference(layout, *(named_manifest(layout, word) for word in options.base_models))
        text = _difference_lines
    print(json.dumps(found, indent=1) if options.json else "\n".join(text(found)))
    return 0


def _log(layout: RunLayout, manifest: dict[str, Any]) -> dict[str, Any]:
    stored = list(BaseModelStore(layout).manifests())
    family = _family(manifest)
    alike = [one for one in stored if _family(one) == family]
    alike.sort(key=age_order, reverse=True)
    starts = starts_of(stored)
    rungs = {str(one["spec_hash"]): one[RESUMES_FROM] for one in stored if one.get(RESUMES_FROM)}
    own = manifest["spec_hash"]
    ancestors = list(line(starts.get(own), starts))
    return {
        "spec_hash": manifest["spec_hash"],
        "family": family,
        "config": manifest["config"],
        "ancestors": ancestors,
        "rungs": [each for each in (own, *ancestors) if each in rungs],
        "children": [child for child, start in starts.items() if start == own and child not in rungs],
        "higher_rungs": [higher for higher, lower in rungs.items() if lower == own],
        "versions": [_version(layout, one) for one in alike],
        "used_by": _used_by(layout, manifest["spec_hash"]),
    }


def _family(manifest: Mapping[str, Any]) -> str:
    """Return a base model's family; manifests of earlier versions tell none, and know no parents."""
    return str(manifest.get("family") or family_of(manifest["config"]))


def _version(layout: RunLayout, manifest: Mapping[str, Any]) -> dict[str, Any]:
    told = ("worker", "duration_seconds", "run_id", "attempt", "executor", "python", "torch", "pinned")
    return {
        "spec_hash": manifest["spec_hash"],
        "content_hash": manifest["content_hash"],
        "code": manifest["config"].get(CODE_FIELD),
        "trained_at": iso(manifest.get("trained_at")),
        **{name: manifest.get(name) for name in told},
        "metrics": base_metrics(layout.base_model(manifest["spec_hash"])),
    }


def _used_by(layout: RunLayout, spec_hash: str) -> list[str]:
    """Return the experiments of the last start that begin with a base model, or with what comes of it."""
    planned = planned_in(layout)
    jobs = [job for job in planned.jobs.values() if not job.makes] if planned else []
    starts = planned.starts if planned else {}
    return [job.job_id for job in jobs if spec_hash in line(job.needs, starts)]


def _log_lines(found: Mapping[str, Any]) -> Iterator[str]:
    yield f"base model {found['spec_hash']}: {fields_of(found['config']) or 'no fields'}"
    if found["ancestors"]:
        yield ", which ".join(_steps(found))
    if found["children"]:
        yield f"base models that start from it: {_some(found['children'])}"
    if found["higher_rungs"]:
        yield f"base models whose training goes on from it: {_some(found['higher_rungs'])}"
    others = len(found["versions"]) - 1
    yield "versions of it by all code, the newest first:" if others else "the only version of it:"
    for version in found["versions"]:
        yield f"{'*' if version['spec_hash'] == found['spec_hash'] else ' '} {_version_line(version)}"
        if version["metrics"]:
            yield f"    {_figures(version['metrics'])}"
        if version["pinned"] is not None:
            yield f"    {_pin_line(version['pinned'])}"
    yield from _users_lines(found["used_by"])


def _steps(found: Mapping[str, Any]) -> Iterator[str]:
    """Yield what each base model of a line came of, the last one first."""
    for each, start in zip((found["spec_hash"], *found["ancestors"]), found["ancestors"], strict=False):
        yield f"{'goes on' if each in found['rungs'] else 'starts'} from {start[:HASH_SHOWN]}"


def _some(hashes: Sequence[str]) -> str:
    more = f" and {len(hashes) - _MOST_JOBS:,} more" if len(hashes) > _MOST_JOBS else ""
    return ", ".join(each[:HASH_SHOWN] for each in hashes[:_MOST_JOBS]) + more


def _version_line(version: Mapping[str, Any]) -> str:
    parts = [
        str(version["spec_hash"])[:HASH_SHOWN],
        f"trained {version['trained_at'] or 'at an unknown time'}",
        f"on {version['worker'] or 'an unknown worker'}",
        f"in {duration(version['duration_seconds'])}",
        *([f"attempt {version['attempt']}"] if version["attempt"] else []),
        *([f"code {str(version['code'])[:HASH_SHOWN]}"] if version["code"] else []),
        *([f"torch {version['torch']}"] if version["torch"] else []),
    ]
    return "  ".join(parts)


def _pin_line(pinned: Mapping[str, Any]) -> str:
    why = f": {pinned['why']}" if pinned.get("why") else ""
    return f"pinned by {pinned.get('by')} at {pinned.get('at')}{why}"


def _users_lines(used_by: list[str]) -> Iterator[str]:
    if not used_by:
        yield "no experiment of the last start begins with it"
        return
    yield f"experiments of the last start that begin with it, or with what comes of it: {len(used_by):,}"
    yield from (f"  {job_id}" for job_id in used_by[:_MOST_JOBS])
    if len(used_by) > _MOST_JOBS:
        yield f"  and {len(used_by) - _MOST_JOBS:,} more: --json has all"


def _difference(layout: RunLayout, one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    codes = [_files_of_code(each) for each in (one, other)]
    return {
        "base_models": [_version(layout, each) for each in (one, other)],
        "same_family": _family(one) == _family(other),
        "fields": [found.as_json() for found in differences(one["config"], other["config"])],
        "code_files": sorted(
            name for name in codes[0].keys() | codes[1].keys() if codes[0].get(name) != codes[1].get(name)
        ),
    }


def _files_of_code(manifest: Mapping[str, Any]) -> dict[str, Any]:
    code = manifest.get("code")
    files = code.get("files") if isinstance(code, dict) else None
    return dict(files) if isinstance(files, dict) else {}


def _difference_lines(found: Mapping[str, Any]) -> Iterator[str]:
    one, other = found["base_models"]
    names = [str(each["spec_hash"])[:HASH_SHOWN] for each in (one, other)]
    if one["spec_hash"] == other["spec_hash"]:
        yield f"both are {one['spec_hash']}"
        return
    yield f"{names[0]} and {names[1]}:"
    for item in found["fields"]:
        yield f"  {item['field']}: {shown(item, 0)}, {shown(item, 1)}"
    yield from (f"  changed: {path}" for path in found["code_files"])
    for name in dict.fromkeys((*one["metrics"], *other["metrics"])):
        yield f"  {name}: {_figure(one['metrics'], name)}, {_figure(other['metrics'], name)}"


def _figures(metrics: Mapping[str, float]) -> str:
    return "  ".join(f"{name}={value:.6g}" for name, value in metrics.items())


def _figure(metrics: Mapping[str, float], name: str) -> str:
    return f"{metrics[name]:.6g}" if name in metrics else "–"
