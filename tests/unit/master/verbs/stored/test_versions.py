"""`twophase base log` and `base diff`."""

from __future__ import annotations

from pathlib import Path

import pytest

from master.verbs.stored.base import main
from tests.unit.master.verbs.conftest import FIRST, SECOND
from tests.unit.master.verbs.published import as_published
from tests.unit.master.verbs.stored.conftest import Store

NEWER = "e" * 32


@pytest.fixture
def versions(store: Store) -> None:
    """Put in two versions of a base model, and another base model."""
    store(FIRST, {"seed": 1, "code": "old"}, trained_at=10.0, worker="lab1", code={"files": {"a.py": "1"}})
    store(NEWER, {"seed": 1, "code": "new"}, "more", trained_at=20.0, code={"files": {"a.py": "2"}})
    store(SECOND, {"seed": 2, "width": 8, "code": "old"})


def test_log_tells_versions_and_who_began_with_it(
    run: Path, versions: None, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["log", FIRST[:6], "--run", str(run), "--json"]) == 0
    found = as_published("base_log", capsys.readouterr().out)
    assert [one["spec_hash"] for one in found["versions"]] == [NEWER, FIRST]
    assert found["used_by"] == ["alpha/lr=0.1"]
    assert found["versions"][1]["metrics"] == {"loss": 0.5}
    assert main(["log", FIRST, "--run", str(run)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"base model {FIRST}: seed=1"
    assert [line[:4] for line in lines if "trained" in line] == ["  ee", "* aa"]
    assert lines[-1] == "  alpha/lr=0.1"


def test_diff_tells_fields_code_and_metrics(
    run: Path, versions: None, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["diff", FIRST, NEWER, "--run", str(run), "--json"]) == 0
    found = as_published("base_diff", capsys.readouterr().out)
    assert found["same_family"] and found["code_files"] == ["a.py"]
    assert [item["field"] for item in found["fields"]] == ["code"]
    assert main(["diff", FIRST, SECOND, "--run", str(run)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1:] == ["  seed: 1, 2", "  width: (not given), 8", "  changed: a.py", "  loss: 0.5, 0.5"]
