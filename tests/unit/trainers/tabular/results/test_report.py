"""The files of a report."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from tests.unit.trainers.tabular.results import model_results
from trainers.common.errors import BadInput
from trainers.tabular.results.report import CSV, JSON, PAGE, TEXT, write_report


def test_one_table_in_four_forms(tmp_path: Path) -> None:
    results = [model_results.result(members=1), model_results.result("tabm", members=1)]
    text = write_report(tmp_path, results, "Some run")
    assert {path.name for path in tmp_path.iterdir()} == {TEXT, CSV, JSON, PAGE}
    assert (tmp_path / TEXT).read_text() == text and text.startswith("Some run\n\n")
    value = json.loads((tmp_path / JSON).read_text())
    assert value["title"] == "Some run" and list(value["models"]) == ["mlp", "tabm"]
    assert (tmp_path / PAGE).read_text().startswith("<!DOCTYPE html>")
    assert (tmp_path / CSV).read_text().splitlines()[0].startswith("model,target,metric")


def test_a_report_of_other_problems_than_one_has_a_table_for_each_target(tmp_path: Path) -> None:
    results = [model_results.result(kind="binary", members=1)]
    assert write_report(tmp_path, results, "t").count("log_loss") == 1


def test_two_models_of_one_name_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="a report needs each model once; it was given mlp, mlp"):
        write_report(tmp_path, [model_results.result()] * 2, "t")
    assert list(tmp_path.iterdir()) == []


def test_without_matplotlib_the_tables_are_written_and_the_page_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(BadInput, match="plots need the package matplotlib"):
        write_report(tmp_path, [model_results.result()], "t")
    assert {path.name for path in tmp_path.iterdir()} == {TEXT, CSV, JSON}
