"""Which run, and which job of it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from master.core.running.lifecycle import State, Trigger
from master.errors import UsageError
from master.storage.journal import Journal
from master.storage.journal_snapshot import open_snapshot
from master.storage.run_layout import RunLayout
from master.verbs import ps
from master.verbs.common.run_directory import jobs_of, layout_of, named_job
from tests.unit.master.verbs.conftest import moved

BASE = "base_models/" + "a" * 32


def test_a_place_without_a_run_says_how_to_name_one(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no run in .*: give its directory, --run DIR"):
        layout_of(tmp_path)


@pytest.mark.parametrize(
    ("word", "job_id"), [("a/x", "a/x"), ("y", "a/y"), ("aaaaaa", BASE), (BASE, BASE), ("b/x", "b/x")]
)
def test_a_job_is_named_by_its_id_or_the_end_of_it(word: str, job_id: str) -> None:
    assert named_job(word, ["a/x", "b/x", "a/y", BASE]) == job_id


def test_a_word_that_names_none_or_several_is_refused() -> None:
    with pytest.raises(UsageError, match="`x` names 2 jobs, such as a/x and b/x: say more"):
        named_job("x", ["a/x", "b/x"])
    with pytest.raises(UsageError, match=r"did you mean alpha/lr=1\?"):
        named_job("alpha/lr=2", ["alpha/lr=1"])
    with pytest.raises(UsageError, match="`twophase ps` lists them"):
        named_job("zzz", ["alpha/lr=1"])


@pytest.mark.parametrize(
    "word", ["lr=0.003_seed=2", "alpha/lr=0.003_seed=2", "lr=3.0e-3_seed=2", "lr=3e-03_seed=2.0"]
)
def test_a_number_is_found_however_it_is_spelled(word: str) -> None:
    jobs = ["alpha/lr=3e-3_seed=20", "alpha/lr=3e-3_seed=2", "alpha/lr=0.03_seed=2"]
    assert named_job(word, jobs) == "alpha/lr=3e-3_seed=2"


def test_equal_numbers_are_nearer_than_like_letters() -> None:
    with pytest.raises(UsageError, match=r"did you mean alpha/lr=3e-3_seed=2\?"):
        named_job("lr=0.003_sed=2", ["alpha/lr=0.03_sd=2", "alpha/lr=3e-3_seed=2"])
    with pytest.raises(UsageError, match="names 2 jobs"):
        named_job("lr=0.003", ["a/lr=3e-3", "b/lr=3e-3"])


def test_a_journal_of_an_earlier_version_tells_jobs_by_their_ids(run: Path) -> None:
    journal = RunLayout(run).journal
    with closing(sqlite3.connect(journal)) as db, db:
        db.execute("DROP TABLE plan")
        db.execute("DROP TABLE job_fields")
    with open_snapshot(journal) as snapshot:
        found = jobs_of(snapshot)
        assert snapshot.fields() == {}
    assert found.planned is None
    assert list(found.jobs) == ["alpha/lr=0.01", "alpha/lr=0.1", "alpha/plain", BASE]
    assert found.standing("alpha/plain").state == "running"


def test_a_journal_of_another_format_is_refused(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with closing(sqlite3.connect(RunLayout(run).journal)) as db, db:
        db.execute("UPDATE meta SET value = '0' WHERE key = 'format'")
    assert ps.main(["--run", str(run)]) == 3
    assert "a journal of format 0, this version reads 1" in capsys.readouterr().err


def test_reading_leaves_no_file_and_changes_none(run: Path) -> None:
    state = RunLayout(run).state
    before = {path: (path.stat().st_mtime_ns, path.stat().st_size) for path in state.iterdir()}
    assert ps.main(["--run", str(run), "--json"]) == 0
    assert {path: (path.stat().st_mtime_ns, path.stat().st_size) for path in state.iterdir()} == before


def test_what_a_master_has_just_written_is_read_beside_it(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    layout = RunLayout(run)
    with closing(Journal(layout.journal)) as journal:
        journal.append([moved(10.0, "alpha/plain", Trigger.CANCEL, State.CANCELLED)])
        names = sorted(path.name for path in layout.state.iterdir())
        assert ps.main(["--run", str(run), "--state", "cancelled"]) == 0
        assert sorted(path.name for path in layout.state.iterdir()) == names
        journal.append([moved(11.0, "alpha/plain", Trigger.REVIVE, State.PENDING)])
    assert "alpha/plain" in capsys.readouterr().out
