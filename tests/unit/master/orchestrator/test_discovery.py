"""Which scripts are found, and what their text tells."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from master.errors import UsageError
from master.orchestrator.discovery import compiled, find_scripts, patterns_of, read_script
from tests.unit.master.orchestrator.conftest import Write

ALL = ("epochs", "folds", "sample", "batch", "output_dir")


def found(root: Path, *patterns: str, excluded: list[str] | None = None) -> list[str]:
    scripts = find_scripts([root], patterns or ("train_*.py",), compiled(excluded or []), root)
    return [path.relative_to(root).as_posix() for path in scripts]


def test_scripts_are_found_at_any_depth_but_not_in_environments_and_caches(
    tmp_path: Path, write: Write
) -> None:
    for name in ("train_b.py", "deep/er/train_a.py", "other.py", "train_c.txt", "training.py"):
        write(name)
    skipped = (".git", "__pycache__", "venv", "env", ".venv", "build", "dist", "node_modules", ".hidden")
    for folder in (*skipped, "a/site-packages", "experiments"):
        write(f"{folder}/train_x.py")
    write("mine/pyvenv.cfg", text="")
    write("mine/lib/train_x.py")
    (tmp_path / "train_folder.py").mkdir()
    assert found(tmp_path) == ["deep/er/train_a.py", "train_b.py"]


def test_experiments_is_for_results_only_at_the_top(tmp_path: Path, write: Write) -> None:
    write("research/experiments/train_a.py")
    assert found(tmp_path) == ["research/experiments/train_a.py"]


def test_a_link_that_leads_back_is_not_followed(tmp_path: Path, write: Write) -> None:
    write("a/train_a.py")
    (tmp_path / "a" / "loop").symlink_to(tmp_path)
    assert found(tmp_path) == ["a/train_a.py"]


def test_roots_that_overlap_give_each_script_once(tmp_path: Path, write: Write) -> None:
    script = write("a/train_a.py")
    assert find_scripts([tmp_path, tmp_path / "a"], ("train_*.py",), [], tmp_path) == [script]


@pytest.mark.parametrize(
    ("given", "patterns"),
    [
        ([], ("train_*.py",)),
        (["fit_*.py"], ("train_*.py", "fit_*.py")),
        (["train_*cardio*.py"], ("train_*cardio*.py",)),
        (["fit_*.py", "train_a*.py"], ("fit_*.py", "train_a*.py")),
    ],
)
def test_patterns_add_and_those_of_the_usual_kind_narrow(given: list[str], patterns: tuple[str, ...]) -> None:
    assert patterns_of(given) == patterns


def test_regular_expressions_look_into_the_path_below_the_project(tmp_path: Path, write: Write) -> None:
    for name in ("old/train_a.py", "train_old_b.py", "train_c.py"):
        write(name)
    assert found(tmp_path, excluded=["^old/"]) == ["train_c.py", "train_old_b.py"]
    assert found(tmp_path, excluded=["old", "c\\.py$"]) == []


def test_an_expression_that_does_not_compile_is_refused_with_its_place() -> None:
    with pytest.raises(UsageError, match=r"--exclude-regex '\(a': .*at character 1"):
        compiled(["ok", "(a"])


def test_a_root_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=re.escape(str(tmp_path / "gone"))):
        find_scripts([tmp_path / "gone"], ("train_*.py",), [], tmp_path)


@pytest.mark.parametrize(
    ("flags", "takes"),
    [
        ((), {}),
        (("--epochs", "--lr"), {"epochs": "--epochs"}),
        (("--batch_size",), {"batch": "--batch_size"}),
        (("--batch_size", "--batch-size"), {"batch": "--batch-size"}),
        (("--output_dir",), {"output_dir": "--output_dir"}),
        (("-o", "--folds"), {"folds": "--folds"}),
    ],
)
def test_flags_are_read_from_the_text(write: Write, flags: tuple[str, ...], takes: dict[str, str]) -> None:
    assert read_script(write("train_a.py", *flags)).takes == takes


def test_a_script_is_not_run_to_be_read(write: Write) -> None:
    text = "raise SystemExit('was run')\nparser.add_argument('--epochs')\n"
    assert read_script(write("train_a.py", text=text)).takes == {"epochs": "--epochs"}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("def (:\n", r"does not parse as Python .*: line 1: "),
        ("x = 1\nif x\n  pass\n", r"line 2"),
        ("a\0b", "null bytes"),
        ("(" * 500 + ")" * 500, "nested parentheses"),
    ],
)
def test_what_does_not_parse_says_where(write: Write, text: str, problem: str) -> None:
    assert re.search(problem, read_script(write("train_a.py", text=text)).problem)


def test_other_encodings_and_unreadable_files(write: Write, tmp_path: Path) -> None:
    path = write("train_a.py", text="")
    path.write_bytes("# coding: latin-1\nname = 'é'\nadd_argument('--epochs')\n".encode("latin-1"))
    assert read_script(path).takes == {"epochs": "--epochs"}
    path.write_bytes(b"name = '\xe9'\n")
    assert "does not parse" in read_script(path).problem
    assert read_script(tmp_path / "gone.py").problem.startswith("cannot be read")


def test_a_text_that_python_warns_of_is_read_all_the_same(write: Write) -> None:
    assert read_script(write("train_a.py", text="x = '\\d'\nassert (1, 'x')\n")).problem == ""
