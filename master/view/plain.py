"""Lines with a time, for logs and pipes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TextIO

from master import steady_clock
from master.core.harmless import clean
from master.core.running.forecast.tally import Tally
from master.core.running.records import RunState
from master.view.answers.why import why_nothing_runs
from master.view.feed import FedView
from master.view.lines import PROBLEMS, Folder, Kind, Line
from master.view.wording import PHASES, clock, counts_text, steady

SUMMARY_EVERY_S = 30.0


def summary_line(tally: Tally, state: RunState, at: float, names: Mapping[int, str] = PHASES) -> str:
    """Return how both phases stand, and why nothing runs, on one line; `names` tells what jobs are called."""
    counts = {phase: tally.phase(phase) for phase in names}
    left = tally.time_left(state, at, steady())
    parts = [
        f"{names[phase]} {counts_text(found, left[phase])}" for phase, found in counts.items() if found.total
    ]
    if not any(found.running for found in counts.values()):
        parts.append(why_nothing_runs(state, at))
    return "; ".join(filter(None, parts))


class PlainView(FedView):
    """Writes a line for each start and end, folding bursts, and where the run stands every 30 seconds."""

    def __init__(
        self,
        stream: TextIO,
        *,
        quiet: bool = False,
        per_s: int | None = 20,
        owns_stream: bool = False,
        names: Mapping[int, str] = PHASES,
        clock: Callable[[], float] = steady_clock.now,
    ) -> None:
        """`quiet` leaves problems only; `per_s` lines a second are shown, None shows all."""
        super().__init__(clock)
        self._stream, self._quiet, self._owns_stream = stream, quiet, owns_stream
        self._names, self._folder = names, Folder(per_s)
        self._summary_due = float("-inf")
        self._told = ""
        self._trouble: dict[str, str] = {}
        self._closed = self._broken = False

    def refresh(self, state: RunState, at: float) -> None:
        self._state = state
        self._write(self._folder.take(self._wanted(self._feed.take(state), state, at), at))
        if not self._quiet and at >= self._summary_due:
            if self._summary_due > float("-inf"):
                self._summarize(state, at)
            self._summary_due = at + SUMMARY_EVERY_S

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        at = self._clock()
        if self._state is None:
            self._write([] if self._quiet else self._feed.take_notes())
        else:
            last = self._wanted(self._feed.take(self._state), self._state, at)
            self._write([*self._folder.take(last, at), *self._folder.rest(at)])
            if not self._quiet:
                self._summarize(self._state, at)
        if self._owns_stream:
            self._stream.close()

    def _wanted(self, lines: list[Line], state: RunState, at: float) -> list[Line]:
        if not self._quiet:
            return lines
        return [*(line for line in lines if line.kind in PROBLEMS), *self._new_trouble(state, at)]

    def _new_trouble(self, state: RunState, at: float) -> list[Line]:
        """Return a line for each worker that went down, or for another reason, since the last call."""
        trouble = {
            view.name: clean(view.trouble) or "down"
            for view in state.workers.values()
            if view.faults or not view.usable or (view.tried and not view.up)
        }
        new = [name for name in trouble if self._trouble.get(name) != trouble[name]]
        self._trouble = trouble
        return [Line(at, Kind.NOTE, f"{name}: {trouble[name]}") for name in new]

    def _summarize(self, state: RunState, at: float) -> None:
        text = summary_line(self._feed.tally, state, at, self._names)
        if text and text != self._told:
            self._told = text
            self._write([Line(at, Kind.NOTE, text)])

    def _write(self, lines: Iterable[Line]) -> None:
        text = "".join(f"{clock(line.at)}  {line.text}\n" for line in lines)
        if not text or self._broken:
            return
        encoding = getattr(self._stream, "encoding", None) or "utf-8"
        try:
            self._stream.write(text.encode(encoding, "replace").decode(encoding))
            self._stream.flush()
        except (OSError, ValueError):
            # Whoever read along has gone, or the disk is full: the run matters more than its lines.
            self._broken = True
