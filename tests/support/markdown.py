"""Reads tables of the documentation."""

from __future__ import annotations

import re


def rows_below(page: str, heading: str) -> list[list[str]]:
    """Return the cells of the first table below the heading that begins so, without its head."""
    _, found, rest = page.partition(f"{heading}")
    table = re.search(r"(?:^\|.*\n)+", rest, re.MULTILINE)
    if not found or table is None:
        raise AssertionError(f"no table below {heading}")
    lines = table[0].splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]
