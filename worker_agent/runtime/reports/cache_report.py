"""`worker_agent cache`: what lies in the cache of this worker, whoever brought it."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Callable, Dict, Optional

from worker_agent.cache.clearing import look
from worker_agent.cache.disk import base_of
from worker_agent.cache.taking_in import placed, taken_in
from worker_agent.protocol.codec import MessageError
from worker_agent.protocol.layout import StateLayout, WorkLayout
from worker_agent.protocol.looks.cache import CacheNow
from worker_agent.protocol.messages import Settings
from worker_agent.runtime.host_context import choose_work_dir
from worker_agent.system.this_machine import expand, hostname

_OF_ONE: Dict[str, Callable[[WorkLayout, str, Path], CacheNow]] = {"place": placed, "take": taken_in}


def run(args: argparse.Namespace) -> int:
    """Do what is asked for and print what lay there as JSON; return 1 where that cannot be."""
    state = StateLayout(Path.cwd() / expand(args.state_dir), hostname(), "any")
    try:
        layout = WorkLayout(choose_work_dir(Settings(work_dir=args.work_dir), state))
        base = base_of(layout.work_dir, is_default=args.work_dir is None)
        found = _found(args.what, layout, args.artefact, base)
    except (OSError, MessageError) as error:
        print(f"worker_agent: the cache cannot be looked at: {error}", file=sys.stderr)
        return 1
    print(json.dumps({"cache": found}, default=vars))
    return 0


def _found(what: str, layout: WorkLayout, artefact: Optional[str], base: Path) -> CacheNow:
    if what not in _OF_ONE:
        return look(what, layout)
    if artefact is None:
        raise MessageError(f"`{what}` is of one artefact: --artefact HASH")
    return _OF_ONE[what](layout, artefact, base)
