"""Which views show a run."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol, TextIO

from rich.console import Console

from master.errors import UsageError
from master.runs.notices import Observer
from master.view.live import LiveView
from master.view.plain import PlainView
from master.view.wording import PHASES


class View(Observer, Protocol):
    """Shows a run."""

    def close(self) -> None:
        """Show the rest and give the terminal back.  May be called again."""


def open_views(
    *,
    quiet: bool = False,
    terminal: bool | None = None,
    log_file: Path | None = None,
    stream: TextIO | None = None,
    names: Mapping[int, str] = PHASES,
) -> list[View]:
    """Return the views of a run: first live on a terminal, else lines, with `quiet` only problems.

    It writes to `stream`, by default standard error, so that standard output holds nothing but results.
    `terminal` None asks the stream; `names` tells what the jobs of a phase are called.  Another view writes
    all lines to `log_file`, unfolded, after those that it holds.
    Raises UsageError where the log file cannot be written.
    """
    target = stream or sys.stderr
    views: list[View] = []
    if log_file is not None:
        views.append(PlainView(_open_log(log_file), per_s=None, owns_stream=True, names=names))
    console = Console(file=target, force_terminal=terminal, highlight=False, markup=False, emoji=False)
    if console.is_terminal and not console.is_dumb_terminal and not quiet:
        views.insert(0, LiveView(console, names=names))
    else:
        views.insert(0, PlainView(target, quiet=quiet, names=names))
    return views


def _open_log(path: Path) -> TextIO:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return path.open("a", encoding="utf-8", buffering=1)
    except OSError as error:
        raise UsageError(f"--log-file {path}: {error.strerror}; give a file that can be written") from error
