"""Paths that exist here and not where jobs run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from master.code.path_warnings import lost_flags, lost_literals
from master.code.sources import Sources


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name in ("data/x.csv", "src/train.py", "src/own.yaml", "conf/lr.yaml", "base"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    return tmp_path


def sources(root: Path, *files: str, entry: str = "src/train.py") -> Sources:
    argv = ("{python}", entry)
    return Sources(root, tuple(map(Path, (entry, *files))), argv, entry=Path(entry), why_root="why")


def warned(root: Path, shown: tuple[str, ...] = (), /, **fields: Any) -> list[str]:
    return list(lost_flags([fields], sources(root, "conf/lr.yaml"), shown, root))


def test_a_path_that_is_here_and_not_copied_is_told_with_its_flag(project: Path) -> None:
    (text,) = warned(project, data_path="data/x.csv", config="conf/lr.yaml", lr=0.1)
    assert text.startswith("--data_path: data/x.csv exists here and not in the folder where jobs start")
    assert "`data` in the cluster config" in text


@pytest.mark.parametrize("value", ["data", "./data/", ["conf/lr.yaml", "data/x.csv"]])
def test_folders_and_lists_are_looked_at_too(project: Path, value: Any) -> None:
    assert len(warned(project, inputs_dir=value)) == 1


@pytest.mark.parametrize(
    "fields",
    [
        {"data_path": "data/x.csv"},
        {"data_path": "data"},
        {"data_path": "./data/x.csv"},
        {"conf": "conf/lr.yaml"},
        {"out_dir": "conf"},
        {"mode": "base"},
        {"data_path": "gone/x.csv"},
        {"data_path": "/tmp"},
        {"_path": "base"},
        {"prefix": "conf/x"},
        {"path": "a\0b"},
    ],
)
def test_what_jobs_are_shown_and_what_is_no_path_is_not_told(project: Path, fields: dict[str, Any]) -> None:
    assert warned(project, ("data",), **fields) == []


def test_many_jobs_are_one_line(project: Path) -> None:
    configs = [{"data_path": "data/x.csv", "seed": seed} for seed in range(100)]
    assert len(list(lost_flags(configs, sources(project), (), project))) == 1


def test_a_file_beside_a_script_that_starts_elsewhere_is_told(project: Path) -> None:
    (project / "src" / "train.py").write_text("open('own.yaml'), open('conf/lr.yaml'), 'a.b c', 'gone.txt'\n")
    (text,) = lost_literals(sources(project, "conf/lr.yaml", "src/own.yaml"))
    assert text.startswith(
        f"src/train.py names own.yaml, which lies beside it; jobs start in {project} (why)"
    )
    assert text.endswith(f"--project-root {project / 'src'}")


def test_a_script_at_the_root_and_what_is_not_python_are_left_alone(project: Path) -> None:
    (project / "src" / "train.py").write_text("open('own.yaml')\n")
    assert list(lost_literals(sources(project / "src", entry="train.py"))) == []
    (project / "src" / "run.sh").write_text("own.yaml\n")
    assert list(lost_literals(sources(project, entry="src/run.sh"))) == []
    (project / "src" / "train.py").write_text("new syntax 'own.yaml'\n")
    assert list(lost_literals(sources(project))) == []
