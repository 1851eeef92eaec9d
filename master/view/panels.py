"""The parts of the live view."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, RenderResult
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from master.core.harmless import clean
from master.core.running.fleet.worker_view import WorkerView
from master.core.running.forecast.tally import Tally
from master.core.running.records import RunState
from master.core.running.summary import PhaseCounts
from master.view.answers.seat_lines import pool_lines, waiting_text
from master.view.feed import Active
from master.view.wording import (
    PHASES,
    counts_text,
    duration,
    ending,
    hold_text,
    job_name,
    progress_text,
    steady,
)


@dataclass(frozen=True)
class PhaseBar:
    """A bar as wide as there is room: done, failed, running, and what is still to come."""

    counts: PhaseCounts

    def parts(self, width: int) -> list[tuple[int, str]]:
        """Return the widths and styles of the bar's parts; the widths add up to `width`."""
        counts = self.counts
        failed = counts.failed + counts.blocked + counts.cancelled
        shares = (
            *((counts.succeeded, "green"), (counts.pruned, "cyan")),
            *((failed, "red"), (counts.running, "yellow")),
        )
        parts, so_far, drawn = [], 0, 0
        for number, style in shares:
            so_far += number
            edge = width * so_far // max(counts.total, 1)
            parts.append((edge - drawn, style))
            drawn = edge
        return [*parts, (width - drawn, "bright_black")]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        done, todo = ("#", "-") if options.ascii_only else ("━", "─")
        parts = self.parts(options.max_width)
        drawn = [((done if style != "bright_black" else todo) * width, style) for width, style in parts]
        yield Text.assemble(*drawn)

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        return Measurement(8, options.max_width)


def bars(tally: Tally, state: RunState, at: float, names: Mapping[int, str] = PHASES) -> Table:
    """Return a line for each phase that has jobs; `names` tells what they are called."""
    table = Table.grid(expand=True, padding=(0, 1))
    table.add_column(no_wrap=True)
    table.add_column(ratio=1, no_wrap=True, min_width=8)
    table.add_column(no_wrap=True, justify="right", overflow="ellipsis")
    left = tally.time_left(state, at, steady())
    for phase, name in names.items():
        counts = tally.phase(phase)
        if counts.total:
            table.add_row(name.capitalize(), PhaseBar(counts), counts_text(counts, left[phase]))
    return table


def slots_table(active: Sequence[Active], state: RunState, at: float, room: int, width: int) -> Table | None:
    """Return a line for each attempt that runs, in `room` lines of `width`; None where nothing fits."""
    if not active or room < 3:
        return None
    ordered = sorted(active, key=_order(state))
    shown = ordered if len(ordered) + 1 <= room else ordered[: room - 2]
    table = Table(box=None, expand=True, padding=(0, 1, 0, 0), header_style="dim")
    table.add_column("worker", no_wrap=True, max_width=width // 4, overflow="ellipsis")
    table.add_column("slot", no_wrap=True)
    table.add_column("job", no_wrap=True, overflow="ellipsis", max_width=width * 2 // 5)
    table.add_column("epoch", no_wrap=True, justify="right")
    table.add_column("", no_wrap=True, overflow="ellipsis", ratio=1)
    table.add_column("for", no_wrap=True, justify="right")
    names = without_domain(list(state.workers))
    for item in shown:
        cells = _cells(item, state, at, width * 2 // 5)
        table.add_row(Text(names.get(item.worker, item.worker)), *map(Text, cells))
    if len(shown) < len(ordered):
        table.add_row(Text(f"+{len(ordered) - len(shown)} more", style="dim"))
    return table


def _order(state: RunState) -> Callable[[Active], tuple[int, int, str, str]]:
    """Return the key that sorts by worker as in the cluster config, then by slot."""
    places = {name: place for place, name in enumerate(state.workers)}

    def key(item: Active) -> tuple[int, int, str, str]:
        return places.get(item.worker, len(places)), len(item.slot), item.slot, item.job_id

    return key


def _cells(item: Active, state: RunState, at: float, room: int) -> tuple[str, ...]:
    epoch, figures = progress_text(item.said)
    elapsed = duration(at - item.started_at) if item.started_at is not None else ""
    name = ending(job_name(state.jobs[item.job_id].job), room)
    return clean(item.slot), name, epoch, figures, elapsed


def without_domain(hosts: Sequence[str]) -> dict[str, str]:
    """Return what to call each host: its name without the domain that all of them are in."""
    unchanged = {host: host for host in hosts}
    domains = {host.partition(".")[2] for host in hosts}
    domain = domains.pop() if len(domains) == 1 else ""
    # What ends in a digit is part of an address or holds a port.
    if len(hosts) < 2 or not domain or domain[-1].isdigit():
        return unchanged
    return {host: host.partition(".")[0] for host in hosts}


def reason_line(text: str) -> list[Text]:
    """Return a line that is cut where the terminal ends; nothing for an empty text."""
    return [Text(text, no_wrap=True, overflow="ellipsis")] if text else []


def troubled_workers(state: RunState, most: int, at: float) -> list[Text]:
    """Return a line for each worker that is not up or held, with the reason, and a count beyond `most`.

    Then one for each GPU that is left alone where a worker is up, as many again at most.
    """
    troubled = [view for view in state.workers.values() if _is_troubled(view)]
    lines = [Text(_trouble(view, at), _colour(view)) for view in troubled[:most]]
    if len(troubled) > most:
        lines.append(Text(f"+{len(troubled) - most} more workers not up", "yellow"))
    lines += [Text(text, "yellow") for text in pool_lines(state)]
    alone = [f"{view.name}: {why}" for view in state.workers.values() if view.up for why in left_alone(view)]
    lines += [Text(clean(text), "yellow") for text in alone[:most]]
    if len(alone) > most:
        lines.append(Text(f"+{len(alone) - most} more GPUs left alone", "yellow"))
    for line in lines:
        line.no_wrap, line.overflow = True, "ellipsis"
    return lines


def left_alone(view: WorkerView) -> Iterator[str]:
    """Yield what to say of each GPU of a worker that gets no new jobs."""
    for told in view.left_alone:
        name, _, why = told.partition(": ")
        yield f"{name} is left alone: {why}"


def _is_troubled(view: WorkerView) -> bool:
    """True for a worker of which there is something to say; a seat that nobody needs is at rest."""
    rests = view.is_unused and view.usable
    return bool(view.faults or view.hold or (not view.available and not rests))


def _trouble(view: WorkerView, at: float) -> str:
    says = waiting_text(view, at) or clean(view.trouble) or "connecting"
    return f"{view.name}: {hold_text(view.hold, at) if view.hold else says}"


def _colour(view: WorkerView) -> str:
    return "yellow" if view.usable or view.leaves else "red"
