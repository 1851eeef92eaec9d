"""`twophase base ls` and `base verify`."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Mapping
from typing import Any

from master.commands.frame import Command
from master.core.planning.generations.rungs import RESUMES_FROM
from master.core.planning.generations.trees import branch, in_tree
from master.core.planning.identity import CODE_FIELD, PARENT_FIELD
from master.storage.base_model_store import BaseModelStore
from master.storage.run_layout import RunLayout
from master.storage.verification import stored
from master.verbs.common.columns import aligned
from master.verbs.stored.named import planned_in
from master.view.wording import duration

DAMAGED = 1
HASH_SHOWN = 12


def do(options: argparse.Namespace, command: Command) -> int:
    """List or check base models and return the exit code."""
    layout = RunLayout(options.run)
    store = BaseModelStore(layout)
    hashes, read = list(stored(layout)), store.scan if options.what == "verify" else store.look
    whole, damaged = read(hashes)
    users = _users(layout)
    ordered = in_tree((*whole, *damaged), starts_of(whole.values()))
    found = [_entry(spec_hash, whole, damaged, users) for spec_hash, _ in ordered]
    if options.json:
        print(json.dumps({"base_models": found}, indent=1))
    else:
        _print(zip(found, (depth for _, depth in ordered), strict=True), checked=options.what == "verify")
    for problem in damaged.values():
        command.say(problem)
    return DAMAGED if damaged else 0


def starts_of(manifests: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Return what base models went on from, or else started from, those that did, by `spec_hash`."""
    starts = {str(one["spec_hash"]): one.get(RESUMES_FROM) or one.get("parent") for one in manifests}
    return {spec_hash: str(start) for spec_hash, start in starts.items() if start}


def fields_of(config: dict[str, Any]) -> str:
    """Return what was asked for as a line, without the code and what it starts from."""
    left_out = CODE_FIELD, PARENT_FIELD
    return "  ".join(f"{name}={json.dumps(value)}" for name, value in config.items() if name not in left_out)


def bytes_of(manifest: Mapping[str, Any]) -> int:
    """Return how much a base model takes, as its manifest says."""
    return sum(size for _, size, *_ in manifest.get("files", ()))


def _users(layout: RunLayout) -> dict[str, int]:
    """Return how many experiments start from each base model, where a journal tells."""
    planned = planned_in(layout)
    return dict(planned.users) if planned else {}


def _entry(
    spec_hash: str, whole: dict[str, dict[str, Any]], damaged: dict[str, str], users: dict[str, int]
) -> dict[str, Any]:
    manifest = whole.get(spec_hash, {})
    return {
        "spec_hash": spec_hash,
        "content_hash": manifest.get("content_hash"),
        "name": manifest.get("name"),
        "config": manifest.get("config", {}),
        "parent": manifest.get("parent"),
        "resumes_from": manifest.get(RESUMES_FROM),
        "files": len(manifest.get("files", ())),
        "bytes": bytes_of(manifest),
        "worker": manifest.get("worker"),
        "duration_seconds": manifest.get("duration_seconds"),
        "jobs": users.get(spec_hash),
        "pinned": manifest.get("pinned") is not None,
        "problem": damaged.get(spec_hash),
    }


def _print(found: Iterable[tuple[dict[str, Any], int]], *, checked: bool) -> None:
    rows = [
        (
            branch(depth) + str(entry["spec_hash"])[:HASH_SHOWN],
            "–" if entry["jobs"] is None else str(entry["jobs"]),
            f"{entry['bytes'] / 1e6:,.1f} MB",
            duration(entry["duration_seconds"]),
            _state(entry, checked=checked),
            fields_of(entry["config"]),
        )
        for entry, depth in found
    ]
    if rows:
        print("\n".join(aligned([("BASE MODEL", "JOBS", "SIZE", "TRAINED IN", "STATE", "MADE OF"), *rows])))
    else:
        print("no base models here")


def _state(entry: dict[str, Any], *, checked: bool) -> str:
    if entry["problem"]:
        return "damaged"
    return f"{'whole' if checked else 'here'}{', pinned' if entry['pinned'] else ''}"
