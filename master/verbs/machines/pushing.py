"""`twophase cache push`: a base model is sent to workers before a job there needs it."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from master.commands.frame import Command
from master.core.harmless import clean
from master.errors import UsageError
from master.runs.usage.pushing import Parcel, Pushed, push_to_caches
from master.storage.base_model_store import BaseModelStore
from master.storage.run_layout import RunLayout
from master.verbs.common.clusters import machines_in
from master.verbs.machines.cache import NOT_ALL, as_json, chosen
from master.verbs.stored.named import named_manifest
from worker_agent.protocol.digests import holds


def push(options: argparse.Namespace, command: Command) -> int:
    """Send it to the workers that have it not and return the exit code."""
    if not options.base_model:
        raise UsageError("push: which base model? `twophase base ls` lists them")
    cluster, _ = machines_in(options)
    servers = chosen(cluster, options.worker)
    pushed = push_to_caches(cluster, servers, _parcel(options.run or Path(), options.base_model))
    if options.json:
        print(json.dumps({"workers": [as_json(each.look) for each in pushed]}, indent=1))
    else:
        print("\n".join(_lines(pushed)))
    for each in pushed:
        if problem := _problem(each):
            command.say(f"{each.look.worker}: {problem}")
    return NOT_ALL if any(map(_problem, pushed)) else 0


def _parcel(run: Path, word: str) -> Parcel:
    """Return the base model that a word names, whole.  Raises UsageError."""
    if not run.is_dir():
        raise UsageError(f"{run} is no directory: give that of a run, --run DIR")
    layout = RunLayout(run)
    manifest = named_manifest(layout, word)
    path, wanted = BaseModelStore(layout).path(manifest["spec_hash"]), str(manifest["content_hash"])
    try:
        is_whole = holds(path, wanted)
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror or error}") from error
    if not is_whole:
        raise UsageError(f"{path} is damaged: `twophase base verify` tells more, the next run mends it")
    return Parcel(path, wanted)


def _problem(pushed: Pushed) -> str:
    items = pushed.look.cache.items if pushed.look.cache else []
    return pushed.look.problem or next((item.problem for item in items if item.problem), "")


def _lines(found: Sequence[Pushed]) -> Iterator[str]:
    for each in found:
        if not _problem(each):
            told = "was sent it" if each.was_sent else "has it already"
            size = sum(item.bytes for item in each.look.cache.items) if each.look.cache else 0
            yield clean(f"{each.look.worker}: {told}, {size / 1e6:,.1f} MB")
