"""A process that trains the jobs that lines of stdin list: `in-turn`, or `together` as one stacked model."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

from trainers.personalization.thread_main import group_main

DONE = "done\n"


@dataclass
class Job:
    """A member of a group that tells its log to nobody."""

    argv: Sequence[str]
    output: TextIO
    environ: Mapping[str, str] = field(default_factory=dict)
    directory: str = os.curdir
    code: int = 1

    def cancelled(self) -> bool:
        """Return whether it is to end."""
        return False

    def finish(self, code: int) -> None:
        """Note its exit code."""
        self.code = code


def main() -> int:
    """Train, and say so after each line; return 1 at once where a job has not ended well."""
    with Path(os.devnull).open("w", encoding="utf-8") as nobody:
        for line in sys.stdin:
            jobs = [Job(argv, nobody) for argv in json.loads(line)]
            for group in [jobs] if sys.argv[1] == "together" else [[job] for job in jobs]:
                group_main(group)
            if any(job.code for job in jobs):
                return 1
            print(DONE, end="", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
