"""`worker_agent cache`: what lies in the cache of this worker, whoever brought it."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from worker_agent.cache.clearing import look
from worker_agent.protocol.codec import MessageError
from worker_agent.protocol.layout import StateLayout, WorkLayout
from worker_agent.protocol.messages import Settings
from worker_agent.runtime.host_context import choose_work_dir
from worker_agent.system.this_machine import expand, hostname


def run(args: argparse.Namespace) -> int:
    """Do what is asked for and print what lay there as JSON; return 1 where that cannot be."""
    state = StateLayout(Path.cwd() / expand(args.state_dir), hostname(), "any")
    try:
        layout = WorkLayout(choose_work_dir(Settings(work_dir=args.work_dir), state))
        found = look(args.what, layout)
    except (OSError, MessageError) as error:
        print(f"worker_agent: the cache cannot be looked at: {error}", file=sys.stderr)
        return 1
    print(json.dumps({"cache": found}, default=vars))
    return 0
