"""The tables of a small checkout, and this checkout held to its limits."""

import json
from pathlib import Path

from scripts.lib.house.known import grown, recorded
from scripts.lib.house.report import House, as_json, as_text

ROOT = Path(__file__).resolve().parents[5]


def small_house(root: Path) -> House:
    for path, source in {
        "master/errors.py": "",
        "master/runs/run.py": "import master.errors\n\n\ndef go(a):\n    return a\n",
        "master/view/table.py": "from master.runs.run import go\n",
        "tests/unit/test_run.py": "def test_it():\n    go()\n",
    }.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(source)
    return House(root)


def test_no_new_outlier() -> None:
    """Make it smaller, or move the import to a lower room: the record is for what was there before."""
    assert grown(House(ROOT).outliers(), recorded(ROOT)) == []


def test_groups_are_counted_apart(tmp_path: Path) -> None:
    groups = as_json(small_house(tmp_path))["groups"]
    counted = {name: (figures["modules"], figures["functions"]) for name, figures in groups.items()}
    assert counted == {
        "product": (3, 1),
        "master": (3, 1),
        "worker_agent": (0, 0),
        "trainers": (0, 0),
        "tests": (1, 1),
        "others": (0, 0),
    }


def test_the_figures_are_plain_data(tmp_path: Path) -> None:
    figures = as_json(small_house(tmp_path))
    assert json.loads(json.dumps(figures)) == figures
    assert figures["arrows"] == {"master.runs -> master.errors": 1, "master.view -> master.runs": 1}
    assert figures["unit tests without a direct assertion"] == ["tests/unit/test_run.py:test_it"]


def test_the_matrix_shows_who_imports_from_whom(tmp_path: Path) -> None:
    lines = as_text(small_house(tmp_path)).splitlines()
    rows = [line.split()[1:] for line in lines if line.split()[1:2] in (["master.runs"], ["master.view"])]
    assert rows == [["master.runs", "1", ".", "."], ["master.view", ".", "1", "."]]
