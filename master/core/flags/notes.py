"""What the user should know of how his jobs' fields reach the script."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from master.core.flags.declared import ScriptFlags
from master.core.flags.passing import dropped, let_through
from master.core.nearest import near
from master.specs import Config

_MOST_NAMED = 5


def flag_notes(configs: Iterable[Config], script: ScriptFlags) -> Iterator[str]:
    """Yield notes, given the fields that each job's script is told."""
    jobs = list(configs)
    unseen = _names(jobs, script, let_through)
    if unseen:
        what = f"{listed([_guessed(name, script) for name in unseen])} of {script.script}"
        yield f"{what}: let through without a check, for {script.open}"
    if lost := _names(jobs, script, dropped):
        advice = 'if true holds without it, write what it reads as text, such as "false"'
        yield f"{listed(lost)}: false tells {script.script} nothing, for no way to say it was seen: {advice}"


def _names(
    jobs: Iterable[Config], script: ScriptFlags, which: Callable[[Config, ScriptFlags], Iterator[str]]
) -> list[str]:
    return list(dict.fromkeys(name for config in jobs for name in which(config, script)))


def _guessed(name: str, script: ScriptFlags) -> str:
    alike = near(name, script.by_name)
    return f"{name} (did you mean {alike}?)" if alike else name


def listed(names: list[str]) -> str:
    """Return names with commas between, the first few of many."""
    more = len(names) - _MOST_NAMED
    return ", ".join(names[:_MOST_NAMED]) + (f" and {more:,} more" if more > 0 else "")
