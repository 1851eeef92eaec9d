"""Groups of results as tables and for other programs."""

from __future__ import annotations

import csv
import io
import json

import pytest

from master.core.results.groups import Row
from master.core.results.lines import Question, ask, result_lines
from master.view.answers.grouped_results import as_json, csv_text, html_page, markdown, rows

F1 = {(0.1, 1): 0.5, (0.1, 2): 0.6, (0.2, 1): 0.7, (0.2, 2): 0.8}
ROWS = [Row(f"{lr}-{seed}", {"lr": lr, "seed": seed}, {"f1": f1}) for (lr, seed), f1 in F1.items()]
PLAIN = Question(("f1",), "f1", ascending=False)
COMPARED = Question(("f1",), "f1", ascending=False, baseline={"lr": 0.1})


def test_a_line_has_the_mean_and_its_interval() -> None:
    assert rows(result_lines(ROWS, PLAIN), PLAIN) == [
        ["lr", "f1", "n"],
        ["0.2", "0.7500 ± 0.6353", "2"],
        ["0.1", "0.5500 ± 0.6353", "2"],
    ]


def test_the_page_says_nothing_that_a_browser_would_run() -> None:
    hostile = [
        Row("a", {"name": "<script>alert(1)</script>", "seed": 1}, {"<b>": 1.0}),
        Row("b", {"name": "x"}, {}),
    ]
    question = ask(hostile)
    page = html_page(result_lines(hostile, question), question)
    assert page.count("<script") == 1 and "alert" not in page.split("<script>")[1] and "<b>" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "http" not in page


def test_what_is_missing_is_told_beside_the_count() -> None:
    jobs = [
        *ROWS[:3],
        Row("failed", {"lr": 0.2, "seed": 2}, {}, "failed"),
        Row("new", {"lr": 0.3, "seed": 1}, {}),
    ]
    assert markdown(result_lines(jobs, PLAIN), PLAIN).splitlines()[2:] == [
        "| 0.2 | 0.7000 | 1, 1 missing |",
        "| 0.1 | 0.5500 ± 0.6353 | 2 |",
        "| 0.3 | – | 0, 2 missing |",
    ]


def test_what_was_cancelled_is_told_apart_from_what_is_missing() -> None:
    jobs = [
        *ROWS[:3],
        Row("stopped", {"lr": 0.2, "seed": 2}, {}, "cancelled"),
        Row("stopped too", {"lr": 0.3, "seed": 1}, {}, "cancelled"),
    ]
    lines = result_lines(jobs, PLAIN)
    counts = [row[-1] for row in rows(lines, PLAIN)]
    assert counts == ["n", "1, 1 cancelled", "2", "0, 1 missing, 1 cancelled"]
    told = [group["metrics"]["f1"] for group in as_json(lines, PLAIN)["groups"]]
    assert [(each["missing"], each["cancelled"]) for each in told] == [(1, 1), (0, 0), (2, 1)]


def test_what_was_pruned_is_told_apart_from_what_is_missing() -> None:
    jobs = [
        *ROWS[:3],
        Row("worse", {"lr": 0.2, "seed": 2}, {}, "pruned"),
        Row("stopped", {"lr": 0.3, "seed": 1}, {}, "cancelled"),
    ]
    lines = result_lines(jobs, PLAIN)
    assert [row[-1] for row in rows(lines, PLAIN)][1:] == ["1, 1 pruned", "2", "0, 1 missing, 1 cancelled"]
    told = [group["metrics"]["f1"] for group in as_json(lines, PLAIN)["groups"]]
    assert [(each["missing"], each["pruned"]) for each in told] == [(1, 1), (0, 0), (2, 0)]


def test_markdown_has_the_difference_to_the_baseline() -> None:
    jobs = [*ROWS[:3], Row("0.2-2", {"lr": 0.2, "seed": 2}, {"f1": 0.9})]
    assert markdown(result_lines(jobs, COMPARED), COMPARED) == (
        "| lr | f1 | n | difference | shared |\n"
        "| --- | ---: | ---: | ---: | ---: |\n"
        "| 0.2 | 0.8000 ± 1.2706 | 2 | 0.2500 ± 0.6353 | 2 |\n"
        "| 0.1 | 0.5500 ± 0.6353 | 2 | baseline |  |\n"
    )


def test_csv_is_unrounded_and_has_a_row_a_group() -> None:
    records = list(csv.DictReader(io.StringIO(csv_text(result_lines(ROWS, COMPARED), COMPARED))))
    assert [record["lr"] for record in records] == ["0.2", "0.1"]
    assert float(records[0]["f1.mean"]) == pytest.approx(0.75)
    assert float(records[0]["difference.mean"]) == pytest.approx(0.2)
    assert (records[0]["f1.count"], records[0]["f1.missing"], records[1]["difference.mean"]) == ("2", "0", "")


def test_json_names_the_jobs_of_each_group() -> None:
    found = json.loads(json.dumps(as_json(result_lines(ROWS, COMPARED), COMPARED)))
    first, baseline = found["groups"]
    assert (found["by"], found["over"]) == ("f1", ["seed", "fold"])
    assert first["parameters"] == {"lr": 0.2} and first["jobs"] == ["0.2-1", "0.2-2"]
    assert first["difference"]["count"] == 2 and baseline["difference"] is None


def test_no_results_are_an_empty_table() -> None:
    empty = Question((), "", ascending=False)
    assert csv_text([], empty) == "\n"
    assert as_json([], empty)["groups"] == []
