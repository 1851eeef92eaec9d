"""`twophase base`: the base models of a run directory."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Sequence
from typing import Any

from master.commands.frame import Command
from master.commands.options.parser import new_parser
from master.verbs.common.options import add_run_options

NAME = "base"
DAMAGED = 1
_DESCRIPTION = """\
List the base models that are at home, with what was asked for and how many experiments of the run start from
each (ls), or read every file of them and compare it with its digest (verify).  No master is needed."""
_EPILOG = """\
exit codes:
  0 done    1 one is damaged    2 wrong words, or no such directory    3 the journal cannot be read

examples:
  twophase base ls
  twophase base verify --run ~/searches/7 --json | jq '.base_models[] | select(.problem)'"""
_HASH_SHOWN = 12


def main(words: Sequence[str]) -> int:
    """List or check base models and return the exit code."""
    command = Command(f"twophase {NAME}")
    return command.run(lambda: _do(parser().parse_args(words), command))


def parser() -> argparse.ArgumentParser:
    """Return the parser."""
    result = new_parser(f"twophase {NAME}", _DESCRIPTION, _EPILOG, allow_abbrev=False)
    result.add_argument("what", choices=("ls", "verify"), help="list them, or check every file of them")
    add_run_options(result)
    return result


def _do(options: argparse.Namespace, command: Command) -> int:
    from master.errors import UsageError
    from master.storage.base_model_store import BaseModelStore
    from master.storage.run_layout import RunLayout
    from master.storage.verification import stored

    layout = RunLayout(options.run)
    if not layout.root.is_dir():
        raise UsageError(f"{options.run} is no directory: give that of a run, --run DIR")
    store = BaseModelStore(layout)
    hashes, read = list(stored(layout)), store.scan if options.what == "verify" else store.look
    whole, damaged = read(hashes)
    users = _users(layout)
    found = [_entry(spec_hash, whole, damaged, users) for spec_hash in (*whole, *damaged)]
    if options.json:
        print(json.dumps({"base_models": found}, indent=1))
    else:
        _print(found, checked=options.what == "verify")
    for problem in damaged.values():
        command.say(problem)
    return DAMAGED if damaged else 0


def _users(layout: Any) -> dict[str, int]:
    """Return how many experiments start from each base model, where a journal tells."""
    from master.storage.journal_snapshot import open_snapshot

    if not layout.journal.exists():
        return {}
    with open_snapshot(layout.journal) as snapshot:
        planned = snapshot.planned()
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
        "files": len(manifest.get("files", ())),
        "bytes": sum(size for _, size, *_ in manifest.get("files", ())),
        "worker": manifest.get("worker"),
        "duration_seconds": manifest.get("duration_seconds"),
        "jobs": users.get(spec_hash),
        "problem": damaged.get(spec_hash),
    }


def _print(found: Iterable[dict[str, Any]], *, checked: bool) -> None:
    from master.core.planning.identity import CODE_FIELD
    from master.verbs.common.columns import aligned
    from master.view.wording import duration

    rows = [
        (
            str(entry["spec_hash"])[:_HASH_SHOWN],
            "–" if entry["jobs"] is None else str(entry["jobs"]),
            f"{entry['bytes'] / 1e6:,.1f} MB",
            duration(entry["duration_seconds"]),
            "damaged" if entry["problem"] else "whole" if checked else "here",
            "  ".join(f"{name}={json.dumps(v)}" for name, v in entry["config"].items() if name != CODE_FIELD),
        )
        for entry in found
    ]
    if rows:
        print("\n".join(aligned([("BASE MODEL", "JOBS", "SIZE", "TRAINED IN", "STATE", "MADE OF"), *rows])))
    else:
        print("no base models here")
