"""What the last words of a failed attempt tell: can another try help there, and which failures are alike?"""

from __future__ import annotations

import re

from worker_agent.protocol.outcome import NO_BASE_MODEL, OVER_LIMIT

_USAGE = re.compile(r"^\s*usage: ", re.IGNORECASE | re.MULTILINE)
_EXIT_USAGE = 2
_SYNTAX = ("SyntaxError:", "IndentationError:", "TabError:")
_MODULE = re.compile(r"ModuleNotFoundError: No module named '([^']+)'")
_PATH = re.compile(r"(?:~|\.{0,2})(?:/(?:[^\s'\":,;()<>|]|,(?=\S))+)+/?")
"""A comma ends a path only before a space: attempts' directories have some in their names."""
_NUMBER = re.compile(r"0x[0-9a-fA-F]+|\d+(?:\.\d+)?(?:[eE][+-]?\d+)?")


def hopeless(exit_code: int | None, tail: str, error: str = "") -> str:
    """Return why the same worker would fail again in the same way; empty where it may not.

    `tail` is the end of the attempt's log, `error` what the agent says of its end.
    """
    if error.startswith(NO_BASE_MODEL):
        return error
    if error.startswith(OVER_LIMIT):
        return error.partition(":")[0]
    last = last_line(tail)
    if exit_code == _EXIT_USAGE and _USAGE.search(tail):
        return f"the script does not take its flags: {last}"
    if last.startswith(_SYNTAX):
        return f"Python cannot read the code: {last}"
    if found := _MODULE.match(last):
        return f"no module {found[1]} in the worker's Python"
    return ""


def exceeded(reason: str) -> str:
    """Return the key of the limit that a job was over, of a reason why it is hopeless; "" for another."""
    return reason[len(OVER_LIMIT) :] if reason.startswith(OVER_LIMIT) else ""


def signature(exit_code: int | None, tail: str) -> str:
    """Return what failures that are alike have in common: exit and last line, numbers and paths apart."""
    line = _NUMBER.sub("#", _PATH.sub("…", last_line(tail)))
    ended = "" if exit_code is None else f"exit code {exit_code}"
    return ": ".join(part for part in (ended, line) if part)


def last_line(tail: str) -> str:
    """Return the last line that says something; a frame drawn around it is left out."""
    lines = (line.strip(" \t│╭╰╮╯─") for line in reversed(tail.splitlines()))
    return next((line for line in lines if line), "")
