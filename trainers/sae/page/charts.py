"""Charts as SVG: lines over steps, and a histogram.  Nothing in them is a user's text."""

from __future__ import annotations

import math
from collections.abc import Sequence

WIDTH, HEIGHT, LEFT, BOTTOM, TOP, RIGHT = 340, 180, 48, 24, 10, 10
Point = tuple[float, float]


def lines(title: str, series: dict[str, Sequence[Point]]) -> str:
    """Return a chart of named series of (step, value); values that are not finite are left out."""
    shown = {name: [point for point in points if _is_finite(point)] for name, points in series.items()}
    everything = [point for points in shown.values() for point in points]
    if not everything:
        return ""
    x_scale = _Scale([x for x, _ in everything], LEFT, WIDTH - RIGHT)
    y_scale = _Scale([y for _, y in everything], HEIGHT - BOTTOM, TOP)
    parts = [
        f'<polyline class="line line{number}" points="'
        + " ".join(f"{x_scale(x):.1f},{y_scale(y):.1f}" for x, y in points)
        + '"/>'
        for number, points in enumerate(shown.values())
    ]
    return _figure(title, list(series), [*_axes(x_scale, y_scale), *parts])


def histogram(title: str, edges: Sequence[float], counts: Sequence[float]) -> str:
    """Return bars between edges."""
    if not any(counts):
        return ""
    x_scale = _Scale(edges, LEFT, WIDTH - RIGHT)
    y_scale = _Scale([0.0, max(counts)], HEIGHT - BOTTOM, TOP)
    bars = [
        f'<rect class="bar" x="{x_scale(left):.1f}" y="{y_scale(count):.1f}" '
        f'width="{max(0.5, x_scale(right) - x_scale(left) - 1):.1f}" '
        f'height="{HEIGHT - BOTTOM - y_scale(count):.1f}"><title>{count:g} latents</title></rect>'
        for left, right, count in zip(edges, edges[1:], counts, strict=False)
    ]
    return _figure(title, [], [*_axes(x_scale, y_scale), *bars])


class _Scale:
    """From values to places."""

    def __init__(self, values: Sequence[float], start: float, end: float) -> None:
        self.low, self.high, self.start, self.end = min(values), max(values), start, end

    def __call__(self, value: float) -> float:
        span = self.high - self.low
        return self.start + (self.end - self.start) * ((value - self.low) / span if span else 0.5)


def _is_finite(point: Point) -> bool:
    return all(isinstance(one, (int, float)) and math.isfinite(one) for one in point)


def _axes(x_scale: _Scale, y_scale: _Scale) -> list[str]:
    frame = f'<path class="axis" d="M{LEFT} {TOP}V{HEIGHT - BOTTOM}H{WIDTH - RIGHT}"/>'
    texts = [
        _text(LEFT - 4, HEIGHT - BOTTOM, y_scale.low, "end"),
        _text(LEFT - 4, TOP + 8, y_scale.high, "end"),
        _text(LEFT, HEIGHT - 8, x_scale.low, "start"),
        _text(WIDTH - RIGHT, HEIGHT - 8, x_scale.high, "end"),
    ]
    return [frame, *texts]


def _text(x: float, y: float, value: float, anchor: str) -> str:
    return f'<text x="{x}" y="{y}" text-anchor="{anchor}">{_figure_of(value)}</text>'


def _figure_of(value: float) -> str:
    return (
        f"{value:.0f}"
        if 1000 <= abs(value) < 1e6
        else f"{value:.2g}"
        if abs(value) < 0.01
        else f"{value:.3g}"
    )


def _figure(title: str, names: Sequence[str], parts: Sequence[str]) -> str:
    keys = "".join(f'<span class="key key{number}">{name}</span>' for number, name in enumerate(names))
    drawn = f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{title}">{"".join(parts)}</svg>'
    return f"<figure><figcaption>{title} {keys}</figcaption>{drawn}</figure>"
