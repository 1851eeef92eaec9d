"""The picture of the lifecycle shows the table, all of it, and is current."""

from itertools import combinations
from pathlib import Path
from xml.etree import ElementTree

from master.core.running.lifecycle import TABLE, State, Trigger
from scripts.lib.lifecycle_diagram import HEAD, ROWS, TOGETHER, Arrow, arrows_of, draw, lanes, staying

ROOT = Path(__file__).resolve().parents[4]


def test_the_picture_in_the_documentation_is_current() -> None:
    """`scripts/draw-lifecycle` draws it anew."""
    assert (ROOT / "docs/lifecycle.svg").read_text("utf-8") == draw()


def test_each_entry_of_the_table_is_shown_once_and_nothing_else_is() -> None:
    shown = [
        (source, trigger, arrow.target)
        for arrow in arrows_of(TABLE)
        for source in ([state.value for state in TOGETHER] if arrow.source == HEAD else [arrow.source])
        for trigger in arrow.label.split(", ")
    ]
    shown += [
        (state.value, trigger, state.value)
        for state in TABLE
        for trigger in filter(None, staying(TABLE, state).split(", "))
    ]
    entries = [
        (state.value, trigger.value, to.value) for state, row in TABLE.items() for trigger, to in row.items()
    ]
    assert sorted(shown) == sorted(entries)


def test_each_state_has_a_row() -> None:
    assert sorted(ROWS) == sorted([HEAD, *(state.value for state in State)])


def test_a_change_of_the_table_changes_the_picture() -> None:
    changed = {**TABLE, State.BLOCKED: {Trigger.REDO: State.READY}}
    assert arrows_of(changed) != arrows_of(TABLE)


def test_arrows_that_pass_the_same_rows_have_lanes_of_their_own() -> None:
    arrows = [Arrow("pending", target, "x") for target in ("ready", "running", "failed")]
    found = lanes([*arrows, Arrow("cancelled", "blocked", "x")])
    assert [found[arrow] for arrow in arrows] == [0, 1, 2]
    assert found[Arrow("cancelled", "blocked", "x")] == 0


def test_no_two_lines_lie_on_each_other() -> None:
    down, up = ([a for a in arrows_of(TABLE) if a.down is side] for side in (True, False))
    for side in (lanes(down), lanes(up)):
        for one, other in combinations(side, 2):
            apart = one.rows[1] < other.rows[0] or other.rows[1] < one.rows[0]
            assert apart or side[one] != side[other]


def test_the_picture_is_well_formed() -> None:
    texts = [
        element.text for element in ElementTree.fromstring(draw()).iter() if element.tag.endswith("text")
    ]
    assert {state.value for state in State} <= set(texts)
