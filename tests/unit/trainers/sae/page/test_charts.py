"""Charts hold every finite point and nothing else."""

from __future__ import annotations

import math
import re

from trainers.sae.page.charts import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH, histogram, lines


def test_a_line_goes_from_edge_to_edge_and_leaves_out_what_is_not_finite() -> None:
    drawn = lines("Loss", {"training": [(0, 1.0), (5, math.nan), (10, 3.0)], "held out": [(5, 2.0)]})
    first, second = re.findall(r'points="([^"]*)"', drawn)
    left, right, top, bottom = LEFT, WIDTH - RIGHT, TOP, HEIGHT - BOTTOM
    assert first == f"{left}.0,{bottom}.0 {right}.0,{top}.0"
    assert second == f"{(left + right) / 2:.1f},{(top + bottom) / 2:.1f}"
    assert "key1" in drawn and ">3</text>" in drawn


def test_nothing_to_draw_is_no_chart() -> None:
    assert lines("Loss", {"training": [(0, math.inf)]}) == ""
    assert histogram("How often", [0, 1], [0]) == ""


def test_bars_are_as_high_as_their_counts() -> None:
    drawn = histogram("How often", [0.0, 1.0, 2.0], [4, 2])
    full = HEIGHT - BOTTOM - TOP
    assert re.findall(r' height="([0-9.]+)"', drawn) == [f"{full}.0", f"{full / 2}"]


def test_a_constant_is_drawn_in_the_middle() -> None:
    (points,) = re.findall(r'points="([^"]*)"', lines("Rate", {"rate": [(1, 2.0), (2, 2.0)]}))
    assert {one.split(",")[1] for one in points.split()} == {f"{(TOP + HEIGHT - BOTTOM) / 2:.1f}"}
