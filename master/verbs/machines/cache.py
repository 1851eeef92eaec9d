"""`twophase cache`: what workers keep, whether it is whole, away with what nobody uses, and more to keep."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from master.commands.frame import Command
from master.commands.options.parser import new_parser
from master.verbs.common.clusters import add_cluster_option, machines_in

if TYPE_CHECKING:
    from master.runs.usage.caches import CacheLook
    from master.specs import ClusterSpec, ServerSpec
    from worker_agent.protocol.looks.cache import CachedItem

NAME = "cache"
NOT_ALL = 1
_DESCRIPTION = """\
Code, data, checkpoints and base models that came to a worker stay there for later jobs and runs.  `ls` tells
how large each is, when it was last used and by whom it is in use; `verify` hashes every file; `clear` removes
what nobody uses: a later job that misses it is sent it again.  What an attempt needs, what the living agent
of any run has used and a base model that is not home yet stays.  `push` sends a base model of a run's
directory to the workers that have it not, for jobs to come.  Needs no master."""
_EPILOG = """\
exit codes:
  0 done
  1 something is damaged, or a worker could not be looked at, or not be sent it
  2 wrong words, or no such worker or base model   3 the cluster config is wrong

examples:
  twophase cache ls
  twophase cache clear --worker lab3 --dry-run
  twophase cache push 3fe1a2 --run ~/searches/7
  twophase cache verify --json | jq '.workers[].artefacts[] | select(.problem)'"""
_HASH_SHOWN = 12


def main(words: Sequence[str]) -> int:
    """Do what is asked for and return the exit code."""
    command = Command(f"twophase {NAME}")
    return command.run(lambda: _do(parser().parse_args(words), command))


def parser() -> argparse.ArgumentParser:
    """Return the parser."""
    result = new_parser(f"twophase {NAME}", _DESCRIPTION, _EPILOG, allow_abbrev=False)
    add = result.add_argument
    told = "list it, check every file, remove what nobody uses, send a base model"
    add("what", choices=("ls", "verify", "clear", "push"), help=told)
    add("base_model", nargs="?", metavar="HASH", help="with push: its hash, or the first six digits of it")
    add("--run", type=Path, metavar="DIR", help="with push: the directory of the run that has it (here)")
    add_cluster_option(result)
    add("--worker", action="append", metavar="W", help="only this one (again and again)")
    add("--dry-run", action="store_true", help="with clear: tell what would go, remove nothing")
    add("--json", action="store_true", help="one JSON object (docs/verbs.schema.json)")
    return result


def _do(options: argparse.Namespace, command: Command) -> int:
    from master.errors import UsageError
    from master.runs.usage.caches import look_at_caches

    if options.dry_run and options.what != "clear":
        raise UsageError(f"--dry-run is for `clear`: `{options.what}` removes nothing")
    if options.what == "push":
        from master.verbs.machines.pushing import push

        return push(options, command)
    if options.base_model or options.run:
        raise UsageError(f"a base model and --run are for `push`: `{options.what}` is of all artefacts")
    cluster, _ = machines_in(options)
    asked = f"{options.what}-dry" if options.dry_run else options.what
    found = look_at_caches(cluster, chosen(cluster, options.worker), asked)
    if options.json:
        print(json.dumps({"workers": [as_json(each) for each in found]}, indent=1))
    else:
        print("\n".join(lines(found, options.what, dry_run=options.dry_run)))
    for each in found:
        if each.problem:
            command.say(f"{each.worker}: {each.problem}")
    is_whole = all(each.cache and not any(item.problem for item in each.cache.items) for each in found)
    return 0 if is_whole else NOT_ALL


def chosen(cluster: ClusterSpec, names: Sequence[str] | None) -> list[ServerSpec]:
    """Return the workers of these names, all without any.  Raises UsageError for a name that none has."""
    from master.core.nearest import hint, shown
    from master.errors import UsageError

    known = {server.name: server for server in cluster.servers}
    for name in names or ():
        if name not in known:
            raise UsageError(f"--worker: no worker {shown(name)} in the cluster config: {hint(name, known)}")
    return [known[name] for name in dict.fromkeys(names)] if names else list(known.values())


def as_json(found: CacheLook) -> dict[str, Any]:
    """Return the cache of a worker as it is published."""
    cache = found.cache
    return {
        "worker": found.worker,
        "problem": found.problem or None,
        "folder": cache.folder if cache else None,
        "free_bytes": cache.free_bytes or None if cache else None,
        "artefacts": [_item_json(item) for item in cache.items] if cache else [],
    }


def _item_json(item: CachedItem) -> dict[str, Any]:
    from master.core.timestamps import iso

    return {
        "content_hash": item.content_hash,
        "bytes": item.bytes,
        "used_at": iso(item.used_at),
        "base_model": item.base_model or None,
        "used_by": item.used_by,
        "problem": item.problem or None,
        "removed": item.removed,
    }


def lines(found: Sequence[CacheLook], what: str, *, dry_run: bool) -> Iterator[str]:
    """Yield what the terminal shows: a line for each artefact, and one for each worker."""
    from master.verbs.common.columns import aligned

    rows = [
        _row(each.worker, item, what, dry_run=dry_run)
        for each in found
        if each.cache
        for item in sorted(each.cache.items, key=lambda item: -item.bytes)
    ]
    if rows:
        yield from aligned([("WORKER", "ARTEFACT", "SIZE", "LAST USED", "STATE", "WHAT, AND USED BY"), *rows])
    yield from (_sum(each, dry_run=dry_run) for each in found if each.cache)


def _row(worker: str, item: CachedItem, what: str, *, dry_run: bool) -> tuple[str, ...]:
    from master.core.harmless import clean
    from master.core.timestamps import iso

    state = "in use" if item.used_by else "idle"
    if what == "verify":
        state = "damaged" if item.problem else "whole"
    if item.removed:
        state = "would go" if dry_run else "removed"
    named = f"base model {item.base_model}" if item.base_model else ""
    told = ", ".join(filter(None, (named, item.problem, *item.used_by)))
    size, used = f"{item.bytes / 1e6:,.1f} MB", (iso(item.used_at) or "")[:16].replace("T", " ")
    return clean(worker), clean(item.content_hash[:_HASH_SHOWN]), size, used, state, clean(told)


def _sum(found: CacheLook, *, dry_run: bool) -> str:
    from master.core.harmless import clean

    items = found.cache.items if found.cache else []
    gone = sum(item.bytes for item in items if item.removed)
    kept = sum(item.bytes for item in items) - gone
    away = f"{gone / 1e9:,.2f} GB {'would go' if dry_run else 'removed'}, " if gone else ""
    where = found.cache.folder if found.cache else ""
    return clean(f"{found.worker}: {away}{kept / 1e9:,.2f} GB kept in {where}")
