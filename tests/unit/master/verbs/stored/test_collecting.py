"""`twophase base gc`, and what it never deletes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from master.runs.run_lock import exclusive
from master.storage.base_model_store import BaseModelStore
from master.storage.run_layout import RunLayout
from master.verbs.stored.base import main
from tests.unit.master.verbs.conftest import FIRST
from tests.unit.master.verbs.published import as_published
from tests.unit.master.verbs.stored.conftest import Store

OLD, OLDER = "d" * 32, "e" * 32


@pytest.fixture
def old(store: Store) -> Path:
    """Put in a base model of the last start and one that nobody needs; return the folder of the latter."""
    store(FIRST, {"seed": 1, "code": "c"})
    return store(OLD, {"seed": 9, "code": "c"}, "old")


def test_what_nobody_needs_is_named_first_and_deleted_with_yes(
    run: Path, old: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    link = old.parent / "base"
    assert link.is_symlink() and link.readlink() == Path(OLD)
    assert main(["gc", "--run", str(run), "--json"]) == 0
    found = as_published("base_gc", capsys.readouterr().out)
    assert [one["spec_hash"] for one in found["goes"]] == [OLD] and not found["deleted"]
    assert found["stays"] == [{"spec_hash": FIRST, "why": "needed by the last start"}]
    assert old.is_dir()
    assert main(["gc", "--run", str(run), "--yes"]) == 0
    assert "1 base model deleted" in capsys.readouterr().out
    assert not old.exists() and not link.is_symlink()
    assert not list((run / ".twophase" / "set_aside").iterdir())
    BaseModelStore(RunLayout(run)).verify(FIRST)


def test_what_is_pinned_stays_until_it_is_unpinned(
    run: Path, old: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["pin", OLD[:8], "--why", "the paper's", "--run", str(run)]) == 0
    BaseModelStore(RunLayout(run)).verify(OLD)
    assert main(["gc", "--yes", "--run", str(run)]) == 0 and old.is_dir()
    assert "pinned" in capsys.readouterr().out
    assert main(["log", OLD, "--run", str(run)]) == 0
    assert ": the paper's" in capsys.readouterr().out
    assert main(["unpin", OLD, "--run", str(run), "--json"]) == 0
    as_published("base_pin", capsys.readouterr().out)
    assert main(["gc", "--yes", "--run", str(run)]) == 0 and not old.exists()


def test_a_base_model_that_is_made_again_stays_pinned(run: Path, store: Store) -> None:
    folder = store(OLD, {"seed": 9})
    found = BaseModelStore(RunLayout(run))
    found.pin(OLD, {"by": "me", "at": None, "why": ""})
    (folder / "model.bin").write_text("damaged")
    store(OLD, {"seed": 9})
    assert found.verify(OLD)["pinned"]["by"] == "me"


def test_what_a_jobs_file_needs_stays(run: Path, old: Path, capsys: pytest.CaptureFixture[str]) -> None:
    jobs = run / "jobs.json"
    jobs.write_text(json.dumps([{"participant": "a", "lr": 1.0}]))
    script = run / "train.py"
    script.write_text("print(1)\n")
    words = ["gc", str(jobs), "--script-path", str(script), "--run", str(run)]
    assert main(words) == 0
    assert f"not needed  {OLD[:12]}" in capsys.readouterr().out
    jobs.write_text("[{,]")
    assert main([*words, "--yes"]) == 3
    assert old.is_dir()


def test_nothing_is_deleted_under_a_master(run: Path, old: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with exclusive(RunLayout(run)):
        assert main(["gc", "--yes", "--run", str(run)]) == 2
    assert "is working in" in capsys.readouterr().err and old.is_dir()
    assert main(["gc", "--run", str(run / "jobs")]) == 2
