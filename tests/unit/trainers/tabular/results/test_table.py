"""The table as text, CSV and JSON."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace

import pytest

from tests.unit.trainers.tabular.results import model_results
from trainers.common.files import json_bytes
from trainers.tabular.results.figures import figure_rows
from trainers.tabular.results.table import csv_table, json_table, short, text_table

RESULTS = [
    model_results.result(),
    replace(model_results.result("trees", members=1), parameters=None, peak_bytes=None, histories=()),
]
ROWS = [row for one in RESULTS for row in figure_rows(one)]


def test_the_text_has_a_table_for_each_target_with_a_line_for_each_model() -> None:
    first, second = text_table(RESULTS, ROWS).strip().split("\n\n")
    title, header, *lines = second.splitlines()
    assert title == "=rate, scored on test" and first.startswith("m<s>&, scored on test")
    assert header.split() == [
        *("model", "members", "rmse", "mae", "r2", "mape", "within_10", "coverage_90"),
        *("seconds", "MiB", "parameters"),
    ]
    assert lines[0].split()[:2] == ["mlp", "3"] and lines[0].split()[-3:] == ["12.5", "3", "1,411,713"]
    assert lines[1].split()[-3:] == ["12.5", "-", "-"]
    assert "±" in lines[0] and "±" not in lines[1]


def test_csv_and_json_have_the_same_figures() -> None:
    lines = list(csv.DictReader(io.StringIO(csv_table(RESULTS, ROWS))))
    assert len(lines) == len(ROWS)
    values = json.loads(json_bytes(json_table(RESULTS, ROWS)))
    for line in lines:
        metrics = values[line["model"]]["metrics"][line["target"].removeprefix("'")][line["metric"]]
        for key in ("together", "low", "high"):
            assert (float(line[key]) if line[key] else None) == metrics[key]
        assert (float(line["mean"]) if line["mean"] else None) == metrics["members"]["mean"]
    assert values["mlp"]["parameters"] == 1411713 and values["trees"]["peak_bytes"] is None
    assert values["mlp"]["importance"]["$age$"] == {"mean": 0.01, "spread": 0.02}


def test_names_are_no_formulas_in_a_spreadsheet() -> None:
    targets = {line["target"] for line in csv.DictReader(io.StringIO(csv_table(RESULTS, ROWS)))}
    assert targets == {"m<s>&", "'=rate"}


@pytest.mark.parametrize(("value", "text"), [(1 / 3, "0.3333"), (123456.0, "1.235e+05"), (float("nan"), "-")])
def test_numbers_are_short(value: float, text: str) -> None:
    assert short(value) == text
