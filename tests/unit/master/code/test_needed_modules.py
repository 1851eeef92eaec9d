"""Which modules workers must have for a program."""

from __future__ import annotations

from pathlib import Path

import pytest

from master.code.needed_modules import needed_by, needed_modules, program_file
from master.code.sources import Sources

FILES = {
    "train.py": "import os, torch.nn as nn\nfrom sklearn.svm import SVC\nfrom lib import data\nimport helper",
    "lib/__init__.py": "",
    "lib/data.py": "import h5py\nfrom . import more\nfrom .more import x",
    "lib/more.py": "import pandas",
    "helper.py": "try:\n    import apex\nexcept ImportError:\n    apex = None\ndef late():\n    import wandb",
    "unused.py": "import tensorflow",
}


def needed(entry: str = "train.py", **changed: str) -> list[str]:
    files = {**FILES, **{f"{name}.py": text for name, text in changed.items()}}
    return needed_modules(entry, files, files.__getitem__)


def test_what_is_imported_in_any_case_and_is_not_its_own() -> None:
    assert needed() == ["h5py", "pandas", "sklearn", "torch"]


def test_extensions_of_the_project_are_its_own() -> None:
    names = {"train.py", "fast.cpython-312-x86_64-linux-gnu.so", "lib/old.pyc"}
    text = "import fast, lib.old, torch"
    assert needed_modules("train.py", names, {"train.py": text}.__getitem__) == ["torch"]


def test_a_change_of_the_search_path_may_lead_anywhere() -> None:
    assert needed(train="import torch, sys\nsys.path.append('/opt/lab')\nimport labtools") == ["torch"]


def test_where_imports_cannot_be_followed_only_the_program_itself_counts() -> None:
    assert needed(train="import torch, importlib, lib.data\nimportlib.import_module(name)") == ["torch"]


def test_what_does_not_parse_is_told_elsewhere() -> None:
    assert needed(train="import torch\nprint 1") == []


@pytest.mark.parametrize(
    ("argv", "entry"),
    [
        (("{python}", "train.py", "--lr", "1"), "train.py"),
        (("{python}", "./-odd.py"), "-odd.py"),
        (("{python}", "-m", "lib"), "lib/__main__.py"),
        (("{python}", "-m", "lib.run"), "lib/run.py"),
        (("{python}", "-m", "json.tool"), None),
        (("./train.sh",), None),
        (("{python}", "-c", "import torch"), None),
    ],
)
def test_the_file_that_a_command_starts(argv: tuple[str, ...], entry: str | None) -> None:
    names = {"train.py", "-odd.py", "lib/__main__.py", "lib/run.py", "train.sh"}
    assert program_file(argv, names) == entry


def test_the_files_of_a_snapshot_are_read(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text("import torch")
    assert needed_by(Sources(tmp_path, (Path("train.py"),), ("{python}", "train.py"))) == ["torch"]
    assert needed_by(Sources(tmp_path, (Path("train.py"),), ("./train.sh",))) == []
