"""The life of a job as a picture, drawn from the table itself.

States stand below each other. Transitions that lead down run on the right, those that lead up on the left,
each in a lane of its own. What several states with a worker have in common leaves from the
head of their frame.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from html import escape
from pathlib import Path

from master.core.running.lifecycle import TABLE, State, Trigger

TOGETHER = (State.ASSIGNED, State.STAGING, State.RUNNING)
HEAD = "with a worker"
ROWS = (
    *(State.PENDING.value, State.READY.value, HEAD),
    *(state.value for state in (*TOGETHER, State.COLLECTING, State.SUCCEEDED)),
    *(state.value for state in (State.FAILED, State.CANCELLED, State.PRUNED, State.BLOCKED)),
)
"""From top to bottom."""
PORT, GAP, BOX, FRAME, LABELS, LANE, EDGE = 20, 24, 170, 8, 150, 16, 20
"""In pixels: arrow to arrow, box to box, a box's width, a frame around boxes, labels, a lane, the margin."""

Table = Mapping[State, Mapping[Trigger, State]]


@dataclass(frozen=True)
class Arrow:
    """All triggers that lead from one row to another."""

    source: str
    target: str
    label: str

    @property
    def down(self) -> bool:
        """Whether it leads to a lower row."""
        return ROWS.index(self.source) < ROWS.index(self.target)

    @property
    def rows(self) -> tuple[int, int]:
        """The rows that it spans, the upper one first."""
        first, last = sorted((ROWS.index(self.source), ROWS.index(self.target)))
        return first, last


def arrows_of(table: Table) -> list[Arrow]:
    """Return the arrows of a table, without those that change nothing."""
    arrows = list(_bundled(HEAD, _shared(table)))
    for state in table:
        arrows += _bundled(state.value, (pair for pair in _own(table, state) if pair[1] != state.value))
    return sorted(arrows, key=lambda arrow: (ROWS.index(arrow.source), ROWS.index(arrow.target)))


def staying(table: Table, state: State) -> str:
    """Return the triggers that leave a state as it is."""
    return ", ".join(trigger for trigger, target in _own(table, state) if target == state.value)


def _own(table: Table, state: State) -> list[tuple[str, str]]:
    shared = _shared(table) if state in TOGETHER else set()
    return [pair for pair in _pairs(table, state) if pair not in shared]


def _shared(table: Table) -> set[tuple[str, str]]:
    return set.intersection(*(set(_pairs(table, state)) for state in TOGETHER))


def _pairs(table: Table, state: State) -> list[tuple[str, str]]:
    return [(trigger.value, to.value) for trigger, to in table[state].items()]


def _bundled(source: str, pairs: Iterable[tuple[str, str]]) -> Iterator[Arrow]:
    by_target: dict[str, list[str]] = {}
    for trigger, target in sorted(pairs):
        by_target.setdefault(target, []).append(trigger)
    yield from (Arrow(source, target, ", ".join(names)) for target, names in by_target.items())


def lanes(arrows: Iterable[Arrow]) -> dict[Arrow, int]:
    """Give each arrow of one side a lane: the shortest the innermost, no two that overlap the same."""
    taken: dict[Arrow, int] = {}
    for arrow in sorted(arrows, key=lambda a: (a.rows[1] - a.rows[0], a.rows)):
        in_the_way = {lane for other, lane in taken.items() if _overlap(arrow.rows, other.rows)}
        taken[arrow] = next(lane for lane in range(len(taken) + 1) if lane not in in_the_way)
    return taken


def _overlap(one: tuple[int, int], other: tuple[int, int]) -> bool:
    return one[0] <= other[1] and other[0] <= one[1]


class Drawing:
    """Where everything lies, and the picture as SVG."""

    def __init__(self, table: Table) -> None:
        self.table = table
        self.arrows = arrows_of(table)
        sides = [[a for a in self.arrows if not a.down], [a for a in self.arrows if a.down]]
        self.lanes = {**lanes(sides[0]), **lanes(sides[1])}
        widths = [LABELS + LANE * (1 + max((self.lanes[a] for a in side), default=0)) for side in sides]
        self.left = EDGE + widths[0]
        self.width = self.left + BOX + widths[1] + EDGE
        self.ports = {row: (self._ports(row, False), self._ports(row, True)) for row in ROWS}
        self.tops, self.height = self._tops()

    def _ports(self, row: str, right: bool) -> list[tuple[Arrow, bool]]:
        """Return (arrow, leaves) of a box's side, so ordered that arrows of one box do not cross."""
        here = [arrow for arrow in self.arrows if arrow.down == right]
        leaving = sorted((a for a in here if a.source == row), key=lambda a: -self.lanes[a])
        coming = sorted((a for a in here if a.target == row), key=lambda a: self.lanes[a])
        ports = [(arrow, False) for arrow in coming], [(arrow, True) for arrow in leaving]
        return [*ports[0], *ports[1]] if right else [*ports[1][::-1], *ports[0][::-1]]

    def _tops(self) -> tuple[dict[str, int], int]:
        tops, y = {}, EDGE
        for row in ROWS:
            tops[row] = y
            y += self._tall(row) + GAP
        return tops, y - GAP + EDGE

    def _tall(self, row: str) -> int:
        return PORT * max(2, *(len(side) for side in self.ports[row]))

    def _port(self, arrow: Arrow, row: str, leaves: bool) -> int:
        return self.tops[row] + PORT * self.ports[row][arrow.down].index((arrow, leaves)) + PORT // 2

    def svg(self) -> str:
        """Return the whole picture."""
        return "\n".join(
            [
                f'<svg xmlns="http://www.w3.org/2000/svg" width="{self.width}" height="{self.height}"'
                ' font-family="sans-serif" font-size="12">',
                "<title>The life of a job</title>",
                '<defs><marker id="tip" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8"'
                ' orient="auto"><path d="M0 0L8 4L0 8z" fill="#456"/></marker></defs>',
                '<rect width="100%" height="100%" fill="#fff"/>',
                self._frame(),
                *(line for arrow in self.arrows for line in self._arrow(arrow)),
                *(line for row in ROWS for line in self._box(row)),
                "</svg>\n",
            ]
        )

    def _frame(self) -> str:
        top, last = self.tops[HEAD] - FRAME, TOGETHER[-1].value
        tall = self.tops[last] + self._tall(last) + FRAME - top
        return (
            f'<rect x="{self.left - FRAME}" y="{top}" width="{BOX + 2 * FRAME}" height="{tall}" rx="8"'
            ' fill="#eef3f8" stroke="#9ab"/>'
        )

    def _arrow(self, arrow: Arrow) -> Iterator[str]:
        start, end = self._port(arrow, arrow.source, True), self._port(arrow, arrow.target, False)
        out = 1 if arrow.down else -1
        side = self.left + BOX if arrow.down else self.left
        lane = side + out * (LABELS + LANE * self.lanes[arrow])
        begin = side + out * FRAME if arrow.source == HEAD else side
        yield (
            f'<path d="M{begin} {start}H{lane}V{end}H{side + out}" fill="none" stroke="#456"'
            ' marker-end="url(#tip)"/>'
        )
        anchor = "start" if arrow.down else "end"
        at = f'x="{side + out * 14}" y="{start - 4}"'
        yield f'<text {at} text-anchor="{anchor}">{escape(arrow.label)}</text>'

    def _box(self, row: str) -> Iterator[str]:
        middle, tall = self.left + BOX // 2, self._tall(row)
        y = self.tops[row] + tall // 2
        if row == HEAD:
            yield f'<text x="{middle}" y="{y + 4}" text-anchor="middle" font-style="italic">{HEAD}</text>'
            return
        yield (
            f'<rect x="{self.left}" y="{self.tops[row]}" width="{BOX}" height="{tall}" rx="6"'
            ' fill="#dce7f2" stroke="#456"/>'
        )
        stays = staying(self.table, State(row))
        title = y - 3 if stays else y + 4
        yield f'<text x="{middle}" y="{title}" text-anchor="middle" font-weight="bold">{row}</text>'
        if stays:
            yield f'<text x="{middle}" y="{y + 13}" text-anchor="middle" fill="#567">stays: {stays}</text>'


def draw() -> str:
    """Return the picture of the table as it is."""
    return Drawing(TABLE).svg()


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(draw(), "utf-8")
