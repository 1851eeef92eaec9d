"""The report of a run: one table, in four forms, over all its models."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from trainers.common.errors import BadInput
from trainers.common.files import json_bytes, write_bytes
from trainers.tabular.results.figures import figure_rows
from trainers.tabular.results.model_result import ModelResult
from trainers.tabular.results.page import page
from trainers.tabular.results.plots import require_matplotlib
from trainers.tabular.results.table import csv_table, json_table, text_table

TEXT, CSV, JSON, PAGE = "report.txt", "report.csv", "report.json", "report.html"
REPORTS = (TEXT, CSV, JSON, PAGE)


def write_report(folder: Path, results: Sequence[ModelResult], title: str, *, with_page: bool = True) -> str:
    """Write `report.txt`, `.csv`, `.json` and, by choice, `.html`, and return the text.

    BadInput where two models have one name; where matplotlib is missing, after the other three are written.
    """
    names = [one.name for one in results]
    if len({*names}) != len(names):
        raise BadInput(f"a report needs each model once; it was given {', '.join(names)}")
    rows = [row for one in results for row in figure_rows(one)]
    text = f"{title}\n\n{text_table(results, rows)}"
    write_bytes(folder / TEXT, text.encode())
    write_bytes(folder / CSV, csv_table(results, rows).encode())
    write_bytes(folder / JSON, json_bytes({"title": title, "models": json_table(results, rows)}))
    if with_page:
        require_matplotlib()
        write_bytes(folder / PAGE, page(title, results, rows).encode())
    return text
