"""`twophase base pin` and `base unpin`."""

from __future__ import annotations

import argparse
import getpass
import json
import time

from master.commands.frame import Command
from master.core.timestamps import iso
from master.storage.base_model_store import BaseModelStore
from master.storage.run_layout import RunLayout
from master.verbs.stored.named import named_manifest


def do(options: argparse.Namespace, command: Command) -> int:
    """Pin or unpin a base model and return the exit code."""
    layout = RunLayout(options.run)
    spec_hash = named_manifest(layout, options.base_model)["spec_hash"]
    pinned = None
    if options.what == "pin":
        pinned = {"by": getpass.getuser(), "at": iso(time.time()), "why": options.why}
    BaseModelStore(layout).pin(spec_hash, pinned)
    if options.json:
        print(json.dumps({"spec_hash": spec_hash, "pinned": pinned}, indent=1))
    else:
        word = "stays whatever gc is told" if pinned else "is no longer pinned"
        print(f"{spec_hash} {word}")
    return 0
