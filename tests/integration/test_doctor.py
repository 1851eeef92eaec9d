"""`twophase doctor`, on this machine."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from master.verbs.doctor import main
from tests.unit.master.verbs.published import as_published


def config(folder: Path, **server: object) -> list[str]:
    path = folder / "cluster.json"
    path.write_text(json.dumps({"servers": [{"host": "localhost", "gpus": 0, **server}]}))
    return ["--cluster-config", str(path)]


def test_this_machine_can_be_used(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = config(tmp_path, state_dir=str(tmp_path / "state"))
    assert main([*words, "--json"]) == 0
    (worker,) = as_published("doctor", capsys.readouterr().out)["workers"]
    assert worker["worker"] == "localhost"
    assert {"connection", "agent", "disk", "clock"} <= {each["what"] for each in worker["findings"]}
    assert not (tmp_path / "state").exists(), "nothing is changed"


def test_what_is_broken_is_marked_with_its_cure(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(config(tmp_path, python="/no/such/python")) == 1
    lines = capsys.readouterr().out.splitlines()
    at = next(place for place, line in enumerate(lines) if line.startswith("  !!  agent"))
    assert lines[0] == "localhost" and "/no/such/python" in lines[at]
    assert lines[at + 1].strip() == "set `python` in the cluster config"
