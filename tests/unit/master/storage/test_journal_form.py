"""What a journal looks like stays: this version reads what earlier ones wrote, and writes it so."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from master.core.running.commands import Dropped
from master.core.running.lifecycle import Trigger
from master.storage.journal import Journal
from worker_agent.protocol.outcome import Outcome


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "journal.sqlite"


def test_a_journal_of_the_first_version_is_read(path: Path) -> None:
    """What a master of 0.1 wrote."""
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as db:
        db.executescript((Path(__file__).with_name("cases") / "journal_format_1.sql").read_text())
    with closing(Journal(path)) as journal:
        lines = list(journal.transitions())
        assert journal.known_ids()["hashgood"] == "alpha/good"
    assert len(lines) == 93
    others = {Outcome.CANCELLED, Outcome.WORKER_FAULT, Outcome.OVER_LIMIT, Outcome.EVICTED}
    assert {line.finished.outcome for line in lines if line.finished} == set(Outcome) - others
    assert lines[-1].dropped == Dropped(2, Outcome.FAILED)
    by_job = {line.job_id: line.finished for line in lines if line.trigger is Trigger.FINISH}
    good, base = by_job["alpha/good"], by_job["base_models/" + "3" * 64]
    assert good and [file.path for file in good.files] == ["metrics.json", "ü/deep.txt"] and good.log
    assert base and base.base_model and base.base_model.name == "cnn_p1"
    (bad,) = [line.finished for line in lines if line.job_id == "alpha/bad" and line.finished]
    assert bad.can_go_on and bad.stderr_tail.endswith("boom \udc80")


def test_the_form_of_a_journal_stays(path: Path) -> None:
    """A transition that was read is written as it was."""
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as db:
        db.executescript((Path(__file__).with_name("cases") / "journal_format_1.sql").read_text())
        before = [json.loads(text) for (text,) in db.execute(_DETAILS)]
    with closing(Journal(path)) as journal:
        journal.append(list(journal.transitions()))
    with closing(sqlite3.connect(path)) as db:
        after = [json.loads(text) for (text,) in db.execute(_DETAILS)]
    assert [*map(_said, before)] * 2 == [*map(_said, after)]


_DETAILS = "SELECT detail FROM transitions WHERE detail IS NOT NULL ORDER BY seq"


def _said(value: Any) -> Any:
    """Return what is not null or empty: both say nothing."""
    if isinstance(value, dict):
        return {key: _said(item) for key, item in value.items() if item not in (None, [])}
    return value
