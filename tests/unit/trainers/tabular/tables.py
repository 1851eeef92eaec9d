"""Small tables whose targets can be learned, as files."""

from __future__ import annotations

from pathlib import Path

import numpy as np

PEOPLE, EACH = 12, 10


def columns(seed: int = 0) -> dict[str, list[object]]:
    """Rows of people: two amounts, a colour, an amount `y` and a class `z` that follow from them."""
    rng = np.random.default_rng(seed)
    n = PEOPLE * EACH
    a, b = rng.normal(size=(2, n)).round(3)
    colour = np.array(["red", "green", "blue"])[rng.integers(0, 3, n)]
    y = (2 * a + b * b + (colour == "red")).round(3)
    return {
        "person": np.repeat(np.arange(PEOPLE), EACH).tolist(),
        "a": a.tolist(),
        "b": b.tolist(),
        "colour": colour.tolist(),
        "y": y.tolist(),
        "z": np.where(a + b > 0, "yes", "no").tolist(),
    }


def written(path: Path, table: dict[str, list[object]] | None = None) -> str:
    """Write a table as CSV and return its path as text."""
    table = table or columns()
    rows = zip(*table.values(), strict=True)
    path.write_text("\n".join([",".join(table), *(",".join(map(str, row)) for row in rows)]) + "\n")
    return str(path)
