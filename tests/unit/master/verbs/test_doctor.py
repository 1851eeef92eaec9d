"""What `twophase doctor` says."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from master.core.explaining.health import Finding, Health
from master.runs.doctor.diagnosis import Diagnosis
from master.verbs.doctor import as_json, lines, main
from tests.unit.master.verbs.published import as_published

FOUND = Diagnosis(
    "lab1",
    (
        Finding("connection", Health.GOOD, "answers, its host key is known"),
        Finding("agent", Health.BROKEN, "no \x1b[31mrsync there", "apt-get install rsync"),
    ),
)


def test_each_finding_is_a_line_and_its_cure_another() -> None:
    assert list(lines(FOUND)) == [
        "lab1",
        "  ok  connection   answers, its host key is known",
        "  !!  agent        no rsync there",
        "                   apt-get install rsync",
    ]


def test_json_is_as_it_is_published() -> None:
    (worker,) = as_published("doctor", json.dumps({"workers": [as_json(FOUND)], "notify": []}))["workers"]
    assert worker["health"] == "broken" and worker["findings"][0]["cure"] is None


def test_a_config_that_is_wrong_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "cluster.json"
    path.write_text('{"servers": [{"hots": "x"}]}')
    assert main(["--cluster-config", str(path)]) == 3
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_a_test_message_needs_somebody_to_take_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "cluster.json"
    path.write_text('{"servers": [{"host": "localhost", "gpus": 0}]}')
    assert main(["--notify", "--cluster-config", str(path)]) == 2
    assert "names nobody: see docs/notify.md" in capsys.readouterr().err
