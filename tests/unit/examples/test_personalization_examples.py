"""The example scripts, run as a user runs them but in this process."""

from __future__ import annotations

import json
import runpy
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from trainers.personalization.data import SPLITS, Source
from trainers.personalization.options import parse
from trainers.personalization.participants import base_participants
from worker_agent.protocol.script_contract import flags

EXAMPLES = Path(__file__).parents[3] / "examples"
NAMES = [f"{axis}{number}" for axis in "XYZ" for number in range(10)]
NAMES += [axis + kind for kind in ("AVG", "PEAK", "ABSOLDEV", "STANDDEV") for axis in "XYZ"]
NAMES += ["RESULTANT"]


def start(monkeypatch: pytest.MonkeyPatch, script: str, *argv: str) -> int:
    monkeypatch.setattr(sys, "argv", [script, *argv])
    try:
        runpy.run_path(str(EXAMPLES / script), run_name="__main__")
    except SystemExit as stop:
        return int(stop.code or 0)
    return 0


def load_jobs(path: Path) -> list[dict[str, Any]]:
    jobs: list[dict[str, Any]] = json.loads(path.read_text())
    for job in jobs:
        options = parse(flags(job))
        assert options.target == job["participants"][job["fold"]]
    return jobs


def bases(jobs: list[dict[str, Any]]) -> set[tuple[str, ...]]:
    return {tuple(base_participants(job["participants"], job["fold"], "all")) for job in jobs}


def test_digits_become_participants_with_all_digits_in_every_split(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert start(monkeypatch, "digits_participants.py", "--output", str(tmp_path)) == 0
    source = Source(tmp_path, window_size=8, n_classes=10)
    rows = 0
    for number in range(1, 7):
        sizes = []
        for split in SPLITS:
            windows = source.load(f"p{number:02d}", split)
            assert windows.X_NCT.shape[1:] == (8, 8)
            assert sorted(set(windows.y_N.tolist())) == list(range(10))
            sizes.append(len(windows))
        assert sizes[0] == pytest.approx(3 * sizes[1], abs=3)
        rows += sum(sizes)
    assert rows == 1797


def test_digits_are_the_same_every_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = []
    for name in ("one", "two"):
        folder = tmp_path / name
        start(monkeypatch, "digits_participants.py", "--output", str(folder), "--participants", "2")
        found.append({path.name: path.read_bytes() for path in folder.iterdir()})
    assert len(found[0]) == 6
    assert found[0] == found[1]


def test_the_batch_composition_search_has_fifteen_jobs_on_three_bases(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "jobs.json"
    assert start(monkeypatch, "batch_composition.py", "--output", str(path)) == 0
    jobs = load_jobs(path)
    assert len(jobs) == 15 and len(bases(jobs)) == 3
    prefixes = {job["prefix"]: job["target_batch_pct"] for job in jobs}
    assert prefixes == {
        "batch_comp_10": 0.1,
        "batch_comp_25": 0.25,
        "batch_comp_50": 0.5,
        "batch_comp_75": 0.75,
        "batch_comp_90": 0.9,
    }


def test_too_few_participants_for_the_search_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    argv = ("--output", str(tmp_path / "jobs.json"), "--participants", "a", "b")
    assert start(monkeypatch, "batch_composition.py", *argv) == 2
    assert "at least 3 are needed" in capsys.readouterr().err


def arff(rows: list[str]) -> str:
    head = ['@attribute "UNIQUE_ID" numeric', '@attribute "user" ']
    head += [f'@attribute "{name}" numeric' for name in NAMES]
    return "\n".join(["@relation activity", *head, "@attribute class", "", "@data", *rows]) + "\n"


def row(number: int, user: str, activity: str, **features: str) -> str:
    return ",".join([str(number), user, *(features.get(name, "0") for name in NAMES), activity])


@pytest.fixture
def wisdm(tmp_path: Path) -> Path:
    """Three people with ten windows of each of two activities, and one with four windows."""
    rows = []
    for user in ("7", "12", "30"):
        rows += [row(n, user, "Walking", XAVG=str(n), YPEAK="500", Z3="0.2") for n in range(10)]
        rows += [row(n, user, "Jogging", YPEAK="?", RESULTANT="10") for n in range(10)]
    rows += [row(n, "99", "Walking") for n in range(4)]
    path = tmp_path / "wisdm.arff"
    path.write_text(arff(rows))
    return path


def test_wisdm_people_become_participants(
    tmp_path: Path, wisdm: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    argv = (str(wisdm), "--output", str(tmp_path / "out"), "--min-windows", "5")
    assert start(monkeypatch, "wisdm_participants.py", *argv) == 0
    assert "user99: skipped, 4 windows are too few" in capsys.readouterr().out
    about = json.loads((tmp_path / "out" / "participants.json").read_text())
    assert about == {"participants": ["user12", "user30", "user07"], "classes": ["Jogging", "Walking"]}
    parts = {split: Source(tmp_path / "out", 43, 2).load("user07", split) for split in SPLITS}
    assert [len(part) for part in parts.values()] == [12, 4, 4]
    assert all(part.y_N.bincount().tolist() == [len(part) / 2] * 2 for part in parts.values())


def test_wisdm_features_are_scaled_by_constants_and_split_in_time(
    tmp_path: Path, wisdm: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    argv = (str(wisdm), "--output", str(tmp_path / "out"), "--min-windows", "5")
    start(monkeypatch, "wisdm_participants.py", *argv)
    walked = []
    for split in SPLITS:
        windows = Source(tmp_path / "out", 43, 2).load("user12", split)
        walking = windows.X_NCT[windows.y_N == 1, 0]
        jogging = windows.X_NCT[windows.y_N == 0, 0]
        walked += [round(10 * value) for value in walking[:, NAMES.index("XAVG")].tolist()]
        assert set(walking[:, NAMES.index("YPEAK")].tolist()) == {0.5}
        assert set(jogging[:, NAMES.index("YPEAK")].tolist()) == {0.0}
        assert set(jogging[:, NAMES.index("RESULTANT")].tolist()) == {1.0}
        torch.testing.assert_close(walking[:, NAMES.index("Z3")], torch.full((len(walking),), 2.0))
    assert walked == list(range(10))


def test_wisdm_jobs_leave_out_each_person_in_three_modes(
    tmp_path: Path, wisdm: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "jobs.json"
    argv = (str(wisdm), "--output", str(tmp_path / "out"), "--min-windows", "5", "--jobs", str(path))
    assert start(monkeypatch, "wisdm_participants.py", *argv, "--people", "3", "--data-path", "data/w") == 0
    jobs = load_jobs(path)
    assert len(jobs) == 9 and len(bases(jobs)) == 3
    assert {job["data_path"] for job in jobs} == {"data/w"}
    assert start(monkeypatch, "wisdm_participants.py", *argv, "--people", "4") == 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no rows after @data"),
        (arff(["1,2,3"]), "line 50: 3 values for 46 attributes"),
        (arff([row(1, "1", "Walking", X0="fast")]), "line 50: X0 is 'fast'; allowed are numbers and ?"),
        (arff([row(1, "1", "Walking", X0="nan")]), "X0 is 'nan'"),
        (arff([row(1, "1", "Walking")]).replace('"user"', '"who"'), "the file has no attribute 'user'"),
        (arff([row(1, "1", "Walking")]).replace("XAVG", "XSUM"), "XSUM is not one of the WISDM features"),
    ],
)
def test_a_wrong_arff_file_is_named_with_its_line(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    text: str,
    message: str,
) -> None:
    path = tmp_path / "bad.arff"
    path.write_text(text)
    assert start(monkeypatch, "wisdm_participants.py", str(path), "--output", str(tmp_path / "out")) == 1
    error = capsys.readouterr().err
    assert error.startswith(f"error: {path}") and message in error
    assert error.count("\n") == 1
