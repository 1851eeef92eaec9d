"""How a job of a built-in trainer is started: agreed between the master, which says it, and the agent.

The trainer's code is shown in a folder of its own of the working directory, and a file in it is started.
Python looks for modules beside that file before anything else, so a user's folder called `trainers` or
`worker_agent`, in the working directory or on PYTHONPATH, never takes the place of ours; with `python -m` it
would.
"""

from __future__ import annotations

import re
from typing import List, Optional, Sequence

TRAINER_CODE = ".twophase_trainer"
"""The folder, in a job's working directory."""
_STARTED = re.compile(re.escape(TRAINER_CODE) + r"/start_([A-Za-z_][A-Za-z0-9_]*)\.py")
_TEXT = '''\
"""Starts the trainer {name} from the code beside this file."""

import os
import sys

_here = os.path.dirname(os.path.realpath(__file__))
if sys.path[:1] != [_here]:  # where the interpreter was told not to look beside the program
    sys.path.insert(0, _here)

from trainers.{name}.__main__ import main

if __name__ == "__main__":
    sys.exit(main())
'''


def start_file(trainer: str) -> str:
    """Return the name of the file that starts a trainer, in the folder of its code."""
    return f"start_{trainer}.py"


def start_text(trainer: str) -> str:
    """Return what that file holds: an import that can be read without running it."""
    return _TEXT.format(name=trainer)


def start_words(trainer: str) -> List[str]:
    """Return the words that start a trainer; its flags follow."""
    return ["{python}", f"{TRAINER_CODE}/{start_file(trainer)}"]


def started_trainer(argv: Sequence[str]) -> Optional[str]:
    """Return the trainer that a job's words start, None where they start another program."""
    found = _STARTED.fullmatch(argv[1]) if len(argv) > 1 else None
    return found.group(1) if found else None
