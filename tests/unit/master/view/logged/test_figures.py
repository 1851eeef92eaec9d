"""The figures of a result, from the first kind of file that has some."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from master.view.logged import figures
from master.view.logged.event_files import NotInstalled
from master.view.logged.figures import Figures, curves_of, figures_of

CSV = "epoch,val_loss\n0,0.5\n1,0.2\n2,0.3\n"


def put(path: Path, text: str = CSV) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_nothing_is_no_problem(tmp_path: Path) -> None:
    assert figures_of(tmp_path) == figures_of(tmp_path / "none") == Figures()


def test_what_the_script_says_itself_comes_first(tmp_path: Path) -> None:
    put(tmp_path / "metrics.json", json.dumps({"f1": 0.5}))
    put(tmp_path / "logs" / "metrics.csv")
    assert figures_of(tmp_path) == Figures({"f1": 0.5})
    assert figures_of(tmp_path, "csv") == Figures({"val_loss": 0.3, "best_val_loss": 0.2})


def test_curves_are_those_of_a_log_whatever_the_script_says_itself(tmp_path: Path) -> None:
    assert curves_of(tmp_path) == ({}, "")
    put(tmp_path / "metrics.json", json.dumps({"f1": 0.5}))
    put(tmp_path / "logs" / "metrics.csv")
    assert curves_of(tmp_path) == ({"val_loss": [0.5, 0.2, 0.3]}, "")


@pytest.mark.parametrize(
    ("text", "problem"),
    [("{", "metrics.json is not JSON"), ("[1]", "metrics.json is no object of names and numbers")],
)
def test_a_file_that_is_broken_is_told_though_there_is_another(
    tmp_path: Path, text: str, problem: str
) -> None:
    put(tmp_path / "metrics.json", text)
    put(tmp_path / "metrics.csv")
    assert figures_of(tmp_path) == Figures({}, problem)


def test_of_several_versions_the_last_counts(tmp_path: Path) -> None:
    for number, loss in ((2, 0.9), (10, 0.1), (9, 0.5)):
        put(tmp_path / "lightning_logs" / f"version_{number}" / "metrics.csv", f"val_loss\n{loss}\n")
    assert figures_of(tmp_path).metrics == {"val_loss": 0.1}


def test_of_several_folders_each_is_told_by_its_name(tmp_path: Path) -> None:
    for fold in (0, 1):
        put(tmp_path / f"fold_{fold}" / "log.csv", f"f1\n0.{fold}\n")
    assert figures_of(tmp_path).metrics == {"fold_0/f1": 0.0, "fold_1/f1": 0.1}


def test_event_files_are_found_by_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("train", "val"):
        put(tmp_path / "tb" / name / "events.out.tfevents.1.host", "")
    monkeypatch.setattr(figures, "read_events", lambda folder: {"loss": [1.0, float(len(folder.name))]})
    assert figures_of(tmp_path).metrics == {
        **{"train/loss": 5.0, "best_train/loss": 1.0, "val/loss": 3.0, "best_val/loss": 1.0}
    }


def test_without_its_package_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(folder: Path) -> dict[str, list[float]]:
        raise NotInstalled("pip install it")

    put(tmp_path / "events.out.tfevents.1.host", "")
    monkeypatch.setattr(figures, "read_events", missing)
    assert figures_of(tmp_path).problem == "TensorBoard's event files need a package: pip install it"


def test_a_log_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    put(tmp_path / "a" / "metrics.csv", 'a\n"' + "x" * 200_000 + '"')
    assert figures_of(tmp_path).problem.startswith("a/metrics.csv: metrics.csv is no CSV")
