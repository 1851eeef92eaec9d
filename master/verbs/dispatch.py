"""From the first word to the verb that it names."""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Sequence

from master.core.nearest import near
from master.errors import UsageError
from master.verbs.table import VERBS


def main(verb: str, words: Sequence[str]) -> int:
    """Do what a verb of the table says and return its exit code."""
    code: int = importlib.import_module(VERBS[verb].module).main(words)
    return code


def unknown(word: str, commands: Iterable[str]) -> tuple[str, int]:
    """Return what to tell of a word that is no verb and none of the commands, and the exit code."""
    alike = near(word, [*VERBS, *commands])
    told = f"twophase: unknown command {word}" + (f": did you mean `twophase {alike}`?" if alike else "")
    return told, UsageError.exit_code


def help_lines() -> list[str]:
    """Return a line for each verb."""
    width = max(map(len, VERBS))
    return [f"  {verb.name:<{width}}  {verb.about}" for verb in VERBS.values()]
