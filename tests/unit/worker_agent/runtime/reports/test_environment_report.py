"""`worker_agent environment`."""

from __future__ import annotations

import argparse
import io
import json
import sys

import pytest

from worker_agent.environment.setup_script import SetupError
from worker_agent.runtime.reports import environment_report


def report(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], line: str
) -> tuple[int, dict[str, object]]:
    monkeypatch.setattr(sys, "stdin", io.StringIO(line))
    code = environment_report.run(argparse.Namespace())
    return code, json.loads(capsys.readouterr().out)


def test_what_is_missing_is_told(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    code, told = report(monkeypatch, capsys, '{"directories": ["/nosuch/data"], "env": {"A": "s3cr3t"}}\n')
    assert code == 1 and str(told["problem"]).startswith("no directory /nosuch/data, which `data` names: ")
    assert "s3cr3t" not in str(told)
    code, told = report(monkeypatch, capsys, '{"directories": ["/"], "env": {"A": "s3cr3t"}}\n')
    assert (code, told["python"], told["problem"], told["missing"]) == (0, sys.executable, "", [])
    assert "s3cr3t" not in str(told)


def test_a_folder_for_big_files_that_cannot_be_is_a_problem(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code, told = report(monkeypatch, capsys, '{"work_dir": "/dev/null/x/y"}\n')
    assert (code, told["problem"]) == (
        1,
        "work_dir /dev/null/x/y cannot be used: /dev/null is no directory;"
        " set `work_dir` to a directory that can be written",
    )
    assert report(monkeypatch, capsys, '{"work_dir": "/tmp/nosuch/y"}\n')[0] == 0


@pytest.mark.parametrize("line", ["", "no JSON", '{"setup": 1}', '{"nonsense": 1}'])
def test_what_are_no_settings_is_a_problem(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], line: str
) -> None:
    code, told = report(monkeypatch, capsys, line)
    assert code == 1 and told["problem"]


def test_a_setup_that_fails_is_a_problem(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(settings: object, env: object) -> None:
        raise SetupError("setup: line 1 (`x`) failed")

    monkeypatch.setattr(environment_report, "job_base", fail)
    assert report(monkeypatch, capsys, '{"setup": ["x"]}')[1]["problem"] == "setup: line 1 (`x`) failed"
