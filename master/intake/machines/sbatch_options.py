"""Which options of `sbatch` a pool may have: all but those that Twophase sets, or that would break a seat."""

from __future__ import annotations

from collections.abc import Iterator

from master.core.nearest import shown
from master.intake.strict_json import Node

_ONE_NODE = "a seat is one node, with one agent on it; use more seats for more nodes"
_LOG = "Twophase keeps what an allocation prints"
_OURS = {
    "nodes": _ONE_NODE,
    "ntasks": f"{_ONE_NODE}, and --cpus-per-task for cores",
    "output": _LOG,
    "error": _LOG,
    "input": "the agent reads nothing there",
    "job-name": "a restarted master finds its allocations by their names",
    "time": "write it as `time` beside `options`",
    "array": "each seat is an allocation of its own; write their number as `seats`",
    "signal": "Twophase has Slurm tell an agent before the end",
    "requeue": "Twophase asks for a new allocation itself",
    "no-requeue": "Twophase sets it",
    "chdir": "it begins in the home directory; write other places as `state_dir`, `work_dir`",
    "wrap": "Twophase submits its agent",
    "wait": "Twophase looks after its allocations itself",
    "parsable": "Twophase sets it",
    "test-only": "`twophase doctor` asks so",
    "clusters": "Twophase looks for its allocations on the cluster of the login host alone",
}
"""By the long name of an option: why it cannot stand in `options`, or what to write instead."""
_SHORT = {
    "N": "nodes",
    "n": "ntasks",
    "o": "output",
    "e": "error",
    "i": "input",
    "J": "job-name",
    "t": "time",
    "a": "array",
    "D": "chdir",
    "W": "wait",
    "M": "clusters",
}
_WITHOUT_VALUE = frozenset("hHkOQsvVI")
"""Short options after which another may stand in the same word."""


def sbatch_options(node: Node) -> tuple[str, ...]:
    """Return the options of a pool.  Raises ConfigError for one that cannot be, and names it."""
    return tuple(_option(item) for item in node.items())


def _option(item: Node) -> str:
    text = item.string()
    name = text.partition("=")[0]
    if not text.startswith("-") or text in ("-", "--"):
        item.fail(
            f"{shown(text)} is not an option of sbatch: write each as one text, such as --partition=gpu"
        )
    if " " in name:
        item.fail(f"{shown(text)} holds a space: write {shown(text.replace(' ', '=', 1))}")
    for ours in _meant(text):
        if ours in _OURS:
            item.fail(f"{shown(name)} cannot be set here: {_OURS[ours]}")
    return text


def _meant(text: str) -> Iterator[str]:
    """Yield the long names of the options of ours that a text means, also where it shortens them."""
    if text.startswith("--"):
        name = text[2:].partition("=")[0]
        yield from (ours for ours in _OURS if ours.startswith(name))
        return
    for letter in text[1:]:
        if letter in _SHORT:
            yield _SHORT[letter]
        if letter not in _WITHOUT_VALUE:
            return
