"""What the arguments of `scripts/test` ask for: of pytest, and of what must be there before it starts."""

from __future__ import annotations

import sys
from collections.abc import Sequence

WITH_VALUE = {"-k", "-m", "-n", "-p", "-c", "-o", "-W", "--deselect", "--ignore", "--durations", "--maxfail"}
"""Options of pytest whose value is the next argument."""
QUICK = "--quick"
UNIT = "tests/unit"
IN_CONTAINERS = ("tests/e2e", "tests/chaos")


def plan(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return (needs, arguments of pytest); needs are among `tools`, `engine` and `checks`."""
    passed = [argument for argument in arguments if argument != QUICK]
    if QUICK in arguments:
        passed = [*passed, *([] if paths(passed) else [UNIT]), "-m", "not slow"]
    return needs(paths(passed)), passed


def needs(named: Sequence[str]) -> list[str]:
    """Return what the named paths need; no path is everything.

    Style and types are only checked where everything is.
    """
    if not named:
        return ["tools", "engine", "checks"]
    rooms = {path.split("::")[0].rstrip("/").removeprefix("./") for path in named}
    engine = any(room == "tests" or any(_within(room, folder) for folder in IN_CONTAINERS) for room in rooms)
    tools = not all(_within(room, UNIT) for room in rooms)
    return [*(["tools"] if tools else []), *(["engine"] if engine else [])]


def paths(arguments: Sequence[str]) -> list[str]:
    """Return the arguments that are paths of tests."""
    values = {number + 1 for number, argument in enumerate(arguments) if argument in WITH_VALUE}
    return [
        argument
        for number, argument in enumerate(arguments)
        if number not in values and not argument.startswith("-")
    ]


def _within(path: str, folder: str) -> bool:
    return path == folder or path.startswith(f"{folder}/")


if __name__ == "__main__":
    wanted, passed_on = plan(sys.argv[1:])
    sys.stdout.write("\0".join([" ".join(wanted), *passed_on]) + "\0")
