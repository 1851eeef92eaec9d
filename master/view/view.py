"""What a run tells its user while it goes, whatever shows it."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, TextIO

from rich.console import Console

from master.core.running.commands import Transition
from master.core.running.records import RunState
from master.errors import UsageError
from master.view.live import LiveView
from master.view.plain import PlainView
from master.view.wording import PHASES


class View(Protocol):
    """Shows a run.  All but `note` and `progress` are called on the dispatcher's thread."""

    def transition(self, transition: Transition, state: RunState) -> None:
        """Remember a transition that is in the journal."""

    def progress(self, worker: str, task_id: str, attempt: int, detail: Mapping[str, Any]) -> None:
        """Remember what a running attempt says of itself.

        `detail` may hold epoch, epochs, metrics, line (the last of its log) and slot; what is left out stays
        as it was.
        """

    def note(self, text: str) -> None:
        """Remember a line for the user; control characters are taken out."""

    def refresh(self, state: RunState, at: float) -> None:
        """Show what is new; `at` is the Unix time."""

    def close(self) -> None:
        """Show the rest and give the terminal back.  May be called again."""


class Tee:
    """Several views of one run."""

    def __init__(self, views: Sequence[View]) -> None:
        self._views = views

    def transition(self, transition: Transition, state: RunState) -> None:
        for view in self._views:
            view.transition(transition, state)

    def progress(self, worker: str, task_id: str, attempt: int, detail: Mapping[str, Any]) -> None:
        for view in self._views:
            view.progress(worker, task_id, attempt, detail)

    def note(self, text: str) -> None:
        for view in self._views:
            view.note(text)

    def refresh(self, state: RunState, at: float) -> None:
        for view in self._views:
            view.refresh(state, at)

    def close(self) -> None:
        for view in self._views:
            view.close()


def open_view(
    *,
    quiet: bool = False,
    terminal: bool | None = None,
    log_file: Path | None = None,
    stream: TextIO | None = None,
    names: Mapping[int, str] = PHASES,
) -> View:
    """Return the view that fits: live on a terminal, else lines; with `quiet` only problems.

    It writes to `stream`, by default standard error, so that standard output holds nothing but results.
    `terminal` None asks the stream; `names` tells what the tasks of a phase are called.  `log_file` takes all
    lines besides, unfolded, after those that it holds.
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
    return views[0] if len(views) == 1 else Tee(views)


def _open_log(path: Path) -> TextIO:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return path.open("a", encoding="utf-8", buffering=1)
    except OSError as error:
        raise UsageError(f"--log-file {path}: {error.strerror}; give a file that can be written") from error
