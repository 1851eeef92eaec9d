"""`twophase base gc`: away with base models that nobody needs."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from master.commands.analyze_jobs_work import read_given
from master.commands.frame import Command
from master.core.explaining.versions import Clearing, clearing
from master.errors import UsageError
from master.intake.sweeps.words import SweepFlags
from master.runs.run_lock import Owner, exclusive
from master.storage.base_model_store import BaseModelStore
from master.storage.run_layout import RunLayout
from master.verbs.stored.listing import HASH_SHOWN, bytes_of, fields_of
from master.verbs.stored.named import planned_in

_OWNER = Owner("run_two_phase", "--run")


def do(options: argparse.Namespace, command: Command) -> int:
    """Tell which base models nobody needs, delete them where that is wanted, return the exit code."""
    layout = RunLayout(options.run)
    if not layout.base_models.is_dir():
        raise UsageError(f"no base models in {layout.root}: give the directory of a run, --run DIR")
    needed = {f"{path}": _needed_by(path, options) for path in options.jobs}
    with exclusive(layout, _OWNER):  # nothing is deleted under a master that may give it to a worker
        store = BaseModelStore(layout)
        manifests = {str(one["spec_hash"]): one for one in store.manifests()}
        pinned = [spec_hash for spec_hash, one in manifests.items() if one.get("pinned") is not None]
        planned = planned_in(layout)
        last = planned.base_models if planned else ()
        found = clearing(tuple(manifests), {"the last start": last, **needed}, pinned)
        for spec_hash in found.goes if options.yes else ():
            store.delete(spec_hash)
    print(_json(found, manifests, options) if options.json else "\n".join(_lines(found, manifests, options)))
    return 0


def _needed_by(path: Path, options: argparse.Namespace) -> set[str]:
    given = argparse.Namespace(**{**vars(options), "jobs": path, "run_dir": options.run})
    return set(read_given(given, SweepFlags()).base_models)


def _json(found: Clearing, manifests: Mapping[str, Any], options: argparse.Namespace) -> str:
    goes = [{"spec_hash": one, "bytes": bytes_of(manifests[one])} for one in found.goes]
    stays = [{"spec_hash": one, "why": why} for one, why in found.stays.items()]
    return json.dumps({"deleted": options.yes, "goes": goes, "stays": stays}, indent=1)


def _lines(found: Clearing, manifests: Mapping[str, Any], options: argparse.Namespace) -> Iterator[str]:
    done = "deleted" if options.yes else "not needed"
    for one in found.goes:
        size = f"{bytes_of(manifests[one]) / 1e6:,.1f} MB"
        yield f"{done}  {one[:HASH_SHOWN]}  {size}  {fields_of(manifests[one]['config'])}".rstrip()
    for one, why in found.stays.items():
        yield f"stays  {one[:HASH_SHOWN]}  {why}"
    total = f"{sum(bytes_of(manifests[one]) for one in found.goes) / 1e6:,.1f} MB"
    what, them = ("base model", "it") if len(found.goes) == 1 else ("base models", "them")
    if not found.goes:
        yield "nothing to delete"
    elif options.yes:
        yield f"{len(found.goes):,} {what} deleted, {total}"
    else:
        yield f"{len(found.goes):,} {what}, {total}, may go: the same words with --yes delete {them}"
