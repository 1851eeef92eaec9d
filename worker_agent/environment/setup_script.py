"""The user's `setup` as a bash script, and what its answer says.  Pure.

The script tells on a descriptor of its own, as records that end with a NUL, which nothing that is printed can
disturb: the search path before the first line, each line as it begins, and at the end the environment.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import List, Mapping, Sequence

OF_THE_SHELL = ("_", "SHLVL", "PWD", "OLDPWD")
"""Variables that are about the shell that ran the lines."""
_MOST_SHOWN = 2000
"""Characters of what the lines printed that are told of a failure: the last ones."""
_SILENT = (
    " and printed nothing; what asks for something fails, as there is no terminal and the input is empty"
)


class SetupError(Exception):
    """The user's `setup` has failed on this machine; the text is for the user."""


@dataclass(frozen=True)
class SetUp:
    """What `setup` has made of the environment."""

    env: Mapping[str, str]
    path_before: str
    """`PATH` in a login shell, before the first line."""


def script_of(lines: Sequence[str], descriptor: int, mark: str) -> str:
    """Return the script that runs `lines` until one fails; its own records begin with `mark`."""

    def tell(words: str) -> str:
        return f"printf '{mark} %s\\0' {words} >&{descriptor}"

    parts = ["cd", tell('"path $PATH"')]
    for number, line in enumerate(lines, 1):
        parts.append(tell(f"'line {number}'"))
        # By `eval`, so that a line that is no whole command fails alone, and without our descriptor.
        run = f"eval {shlex.quote(line)} {descriptor}>&-"
        parts.append(f"{run} || {{ {tell(chr(34) + 'failed $?' + chr(34))}; exit 0; }}")
    # An absolute path: the lines may have changed PATH.
    return "\n".join([*parts, tell("env"), f"/usr/bin/env -0 >&{descriptor}", tell("done"), ""])


def is_over(told: bytes, mark: str) -> bool:
    """Return whether the script has told all that it will."""
    last = told.rstrip(b"\0").rpartition(b"\0")[2] if told.endswith(b"\0") else b""
    return last.startswith((f"{mark} done".encode(), f"{mark} failed ".encode()))


def result_of(told: bytes, mark: str) -> SetUp:
    """Return what the lines made, told by a script that is over and in which none failed."""
    records = told.decode("utf-8", "surrogateescape").split("\0")
    first, last = records.index(f"{mark} env") + 1, records.index(f"{mark} done")
    rows = (record.partition("=") for record in records[first:last])
    env = {name: value for name, _, value in rows if name not in OF_THE_SHELL}
    return SetUp(env, records[0][len(f"{mark} path ") :])


def problem_of(told: bytes, printed: bytes, lines: Sequence[str], mark: str, ending: str) -> str:
    """Return why there is no result, for the user: which line, what became of it, what was printed.

    `ending` tells what happened where the script does not say itself, "" where nothing did.
    """
    ours = _own(told, mark)
    if ours and ours[-1] == "done":
        return ""
    number = max((int(record[5:]) for record in ours if record.startswith("line ")), default=0)
    failed = ours[-1] if ours and ours[-1].startswith("failed ") else ""
    what = f"{failed.replace('failed', 'failed with exit code')}" if failed else ending
    where = f"line {number} (`{lines[number - 1]}`)" if number else "the login shell, before the first line,"
    said = printed.decode("utf-8", "replace").strip()[-_MOST_SHOWN:]
    return f"setup: {where} {what}{f'; it printed {said}' if said else _SILENT}"


def _own(told: bytes, mark: str) -> List[str]:
    records = told.decode("utf-8", "surrogateescape").split("\0")[:-1]
    return [record[len(mark) + 1 :] for record in records if record.startswith(f"{mark} ")]
