"""The live view: bars, what runs where, and above them the lines that should stay."""

from __future__ import annotations

import atexit
import sys
from collections import deque
from collections.abc import Callable, Mapping

from rich.console import Console, Group, RenderableType
from rich.constrain import Constrain
from rich.control import Control
from rich.live import Live
from rich.text import Text

from master import steady_clock
from master.core.running.records import RunState
from master.runs.notices import Notices, Seen
from master.view.answers.why import why_nothing_runs
from master.view.feed import FedView
from master.view.lines import Folder, Kind, Line
from master.view.panels import bars, reason_line, slots_table, troubled_workers
from master.view.wording import PHASES, clock

_ABOVE = frozenset({Kind.NOTE, Kind.FAILED, Kind.BLOCKED, Kind.RETRIED})
_STYLES = {Kind.FAILED: "red", Kind.BLOCKED: "red", Kind.RETRIED: "yellow"}
_MOST_TROUBLED = 4
_SHOWN_AGAIN = 100
_LINES_ABOVE = 4
"""Left free for the last notes."""


class LiveView(FedView):
    """Redraws the foot of the terminal on each refresh; notes and problems scroll away above it."""

    def __init__(
        self,
        console: Console,
        *,
        names: Mapping[int, str] = PHASES,
        clock: Callable[[], float] = steady_clock.now,
    ) -> None:
        super().__init__(clock)
        self._console, self._names, self._folder = console, names, Folder()
        self._live, self._size = self._new_live(), console.size
        self._last: deque[Line] = deque(maxlen=_SHOWN_AGAIN)
        """What was printed above the foot."""
        self._closed = False

    def _new_live(self) -> Live:
        # A program's standard output is its user's unless it would be written across the live view.
        own_stdout = sys.stdout.isatty()
        return Live(
            console=self._console,
            auto_refresh=False,
            vertical_overflow="crop",
            redirect_stdout=own_stdout,
        )

    def subscribe(self, notices: Notices) -> None:
        """Listen to what is shown."""
        super().subscribe(notices)
        notices.listen(Seen, self.progress)

    def progress(self, seen: Seen) -> None:
        self._feed.progress(seen)

    def refresh(self, state: RunState, at: float) -> None:
        if self._closed:
            return
        self._state = state
        if not self._live.is_started:
            # Even an error that nobody catches must not leave the user without a cursor.
            atexit.register(self.close)
            self._live.start()
        elif self._console.size != self._size:
            self._draw_anew()
        self._size = self._console.size
        lines = [line for line in self._feed.take(state) if line.kind in _ABOVE]
        self._live.update(self.render(state, at))
        self._print(self._folder.take(lines, at))

    def _draw_anew(self) -> None:
        """Begin again at the top of a terminal whose size has changed: where old lines are now is unknown."""
        self._live.stop()
        self._console.control(Control.home(), Control.clear())
        if lines := list(self._last)[-(self._console.size.height // 2) :]:
            self._console.print(Text("\n").join(map(_styled, lines)), soft_wrap=True)
        self._live = self._new_live()
        self._live.start()

    def render(self, state: RunState, at: float) -> RenderableType:
        """Return what the foot of the terminal shows, no higher than the terminal."""
        head = bars(self._feed.tally, state, at, self._names)
        troubled = [*reason_line(why_nothing_runs(state, at)), *troubled_workers(state, _MOST_TROUBLED, at)]
        width, height = self._console.size
        room = height - head.row_count - len(troubled) - min(_LINES_ABOVE, height // 6) - 1
        table = slots_table(list(self._feed.active.values()), state, at, room, width)
        # The terminal writes ^C at the cursor: after a full line that would shift what is redrawn.
        return Constrain(Group(head, *([table] if table else []), *troubled), width - 2)

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        atexit.unregister(self.close)
        at = self._clock()
        lines = self._feed.take(self._state) if self._state else self._feed.take_notes()
        kept = self._folder.take([line for line in lines if line.kind in _ABOVE], at)
        if self._state:
            self._live.update(bars(self._feed.tally, self._state, at, self._names))
        self._print([*kept, *self._folder.rest(at)])
        self._live.stop()

    def _print(self, lines: list[Line]) -> None:
        """Show `lines` above the foot, which is drawn anew either way."""
        if lines:
            self._last.extend(lines)
            self._console.print(Text("\n").join(map(_styled, lines)), soft_wrap=True)
        else:
            self._live.refresh()


def _styled(line: Line) -> Text:
    return Text.assemble((clock(line.at)[-8:], "dim"), "  ", (line.text, _STYLES.get(line.kind, "")))
