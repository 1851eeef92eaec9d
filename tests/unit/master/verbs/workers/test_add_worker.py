"""The words of `twophase add-worker`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from master.verbs.workers import add_worker


def test_a_server_of_a_config_becomes_an_order(run: Path, given: list[Any], tmp_path: Path) -> None:
    path = tmp_path / "all.json"
    path.write_text(json.dumps({"servers": [{"host": "lab4", "gpus": 0}, {"host": "lab7", "gpus": 2}]}))
    assert add_worker.main(["lab7", "--cluster-config", str(path), "--run", str(run)]) == 0
    config = {"servers": [{"host": "lab7", "gpus": 2}]}
    assert given == [("add-worker", {"config": config, "folder": str(tmp_path)}, "")]


def test_an_entry_becomes_an_order(run: Path, given: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(run)
    assert add_worker.main(["--entry", '{"host": "lab7", "gpus": "auto"}']) == 0
    config = {"servers": [{"host": "lab7", "gpus": "auto"}]}
    assert given == [("add-worker", {"config": config, "folder": str(run)}, "")]


@pytest.mark.parametrize("words", [[], ["lab7", "--entry", "{}"]])
def test_one_of_both_is_given(words: list[str], given: list[Any], capsys: pytest.CaptureFixture[str]) -> None:
    assert add_worker.main(words) == 2
    assert "give a WORKER of the cluster config, or --entry, not both" in capsys.readouterr().err
    assert given == []


def test_a_name_that_is_not_listed_is_compared_with_those_that_are(
    run: Path, given: list[Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "all.json"
    path.write_text(json.dumps({"servers": [{"host": "lab4.uni.edu", "gpus": 0}]}))
    assert add_worker.main(["lab4.uni.ed", "--cluster-config", str(path), "--run", str(run)]) == 2
    assert "lists no server `lab4.uni.ed`: did you mean `lab4.uni.edu`?" in capsys.readouterr().err
    assert given == []


POOL = {"slurm": "login1", "name": "hpc", "seats": 2, "time": "1h"}


def test_a_seat_of_a_pool_becomes_an_order_about_a_seat(
    run: Path, given: list[Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "all.json"
    path.write_text(json.dumps({"servers": [{"host": "lab4", "gpus": 0}], "pools": [POOL]}))
    words = ["--cluster-config", str(path), "--run", str(run)]
    assert add_worker.main(["hpc.2", *words]) == 0
    order = {"config": {}, "seat": "hpc.2", "folder": str(tmp_path)}
    assert given == [("add-worker", order, "")]
    assert add_worker.main(["hpc.3", *words]) == 2
    assert "lists no server `hpc.3`: did you mean `hpc." in capsys.readouterr().err
