"""The journal holds what was committed, all of it, and nothing of what was not."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from master.core.running.commands import Dropped, Measured, Transition
from master.core.running.lifecycle import State, Trigger
from master.errors import ConfigError, TwophaseError
from master.storage.journal import Journal
from master.storage.journal_reading import is_empty, read_earlier_starts, read_fields
from tests.support.endings import finished
from worker_agent.protocol.outcome import Outcome


def transition(job_id: str = "alpha/job", **fields: object) -> Transition:
    given = {"at": 1.5, "trigger": Trigger.ASSIGN, "state": State.ASSIGNED, "attempt": 1, "worker": "lab1"}
    return Transition(job_id=job_id, **{**given, **fields})  # type: ignore[arg-type]


def snapshot(folder: Path) -> dict[str, tuple[bytes, int]]:
    return {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.iterdir()}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "journal.sqlite"


def test_what_was_appended_comes_back_in_order(path: Path) -> None:
    end = finished(
        files=[["ü.txt", 3, "ab"]],
        duration_s=0.1,
        base_model={"content_hash": "c" * 64, "files": []},
        checkpoint={"problem": "too large"},
    )
    dropped = Dropped(1, Outcome.STALLED)
    said = [
        transition(),
        transition("alpha/other", worker=None, note="line\nbreak", at=1e9 + 0.25),
        transition(trigger=Trigger.FINISH, state=State.COLLECTING, finished=end),
        transition(trigger=Trigger.DROP, state=State.ASSIGNED, dropped=dropped),
        transition(trigger=Trigger.MEASURE, state=State.RUNNING, measured=Measured("f1", 3, 0.1 + 0.2)),
        transition(trigger=Trigger.PRUNE, state=State.RUNNING, measured=Measured("f1", 2.5, -1e-300)),
        transition(trigger=Trigger.COLLECT, state=State.SUCCEEDED, content_hash="f" * 64),
    ]
    with closing(Journal(path)) as journal:
        journal.append(said[:1])
        journal.append(said[1:])
    with closing(Journal(path)) as journal:
        assert list(journal.transitions()) == said


def test_contents_that_came_inline_are_not_kept(path: Path) -> None:
    end = finished(inline={"metrics.json": "c2VjcmV0"})
    with closing(Journal(path)) as journal:
        journal.append([transition(finished=end)])
        (found,) = journal.transitions()
    assert found.finished == finished()
    assert end.inline, "the caller still needs them"
    assert b"c2VjcmV0" not in b"".join(content for content, _ in snapshot(path.parent).values())


def test_a_batch_is_committed_whole_or_not_at_all(path: Path) -> None:
    with closing(Journal(path)) as journal:
        journal.append([transition("kept")])
        with pytest.raises(ConfigError, match="NOT NULL constraint failed"):
            journal.append([transition("lost"), transition(None)])  # type: ignore[arg-type]
        journal.append([transition("next")])
        assert [item.job_id for item in journal.transitions()] == ["kept", "next"]


def test_what_was_appended_survives_a_kill(path: Path) -> None:
    with closing(Journal(path)) as journal:
        journal.remember_jobs({"hash": "alpha/job"})
        journal.append([transition("first"), transition("second")])
        left = Path(shutil.copytree(path.parent, path.parent.with_name("left"))) / path.name
    left.with_name("journal.sqlite-shm").unlink()
    assert read_earlier_starts(left).known_ids == {"hash": "alpha/job"}
    with closing(Journal(left)) as journal:
        assert [item.job_id for item in journal.transitions()] == ["first", "second"]


def test_a_kill_within_a_commit_leaves_the_one_before(path: Path) -> None:
    with closing(Journal(path)) as journal:
        journal.append([transition("first")])
        whole = {name: content for name, (content, _) in snapshot(path.parent).items()}
        journal.append([transition("second")])
        wal = path.with_name("journal.sqlite-wal").read_bytes()
    for size in range(len(whole["journal.sqlite-wal"]), len(wal), 1000):
        torn = path.parent / f"torn{size}"
        torn.mkdir()
        (torn / "journal.sqlite").write_bytes(whole["journal.sqlite"])
        (torn / "journal.sqlite-wal").write_bytes(wal[:size])
        with closing(Journal(torn / "journal.sqlite")) as journal:
            assert [item.job_id for item in journal.transitions()] == ["first"]


def test_run_id_stays_and_epochs_grow(path: Path) -> None:
    with closing(Journal(path)) as journal:
        run_id = journal.run_id
        assert [journal.new_epoch(), journal.new_epoch()] == [1, 2]
    with closing(Journal(path)) as journal:
        assert (journal.run_id, journal.new_epoch()) == (run_id, 3)
    with closing(Journal(path.with_name("other.sqlite"))) as journal:
        assert journal.run_id != run_id


def test_ids_are_remembered_and_belong_to_one_job(path: Path) -> None:
    with closing(Journal(path)) as journal:
        journal.remember_jobs({"h1": "alpha/one", "h2": "alpha/two"})
        journal.remember_jobs({"h1": "alpha/one"})
    with closing(Journal(path)) as journal:
        assert journal.known_ids() == {"h1": "alpha/one", "h2": "alpha/two"}
        with pytest.raises(
            ConfigError, match="alpha/two: ran here before with other settings: change its id"
        ):
            journal.remember_jobs({"h3": "alpha/three", "h4": "alpha/two"})
        assert len(journal.known_ids()) == 2


def test_two_masters_may_open_it_and_both_are_kept(path: Path) -> None:
    with closing(Journal(path)) as one, closing(Journal(path)) as other:
        one.append([transition("a")])
        other.append([transition("b")])
        assert [item.job_id for item in one.transitions()] == ["a", "b"]


def test_the_state_is_its_owners_alone(path: Path) -> None:
    Journal(path).close()
    assert path.parent.stat().st_mode & 0o077 == 0


def test_closing_twice_is_fine(path: Path) -> None:
    journal = Journal(path)
    journal.close()
    journal.close()
    assert [file.name for file in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize("when", ["written", "closed"])
def test_ids_are_read_without_touching_a_file(path: Path, when: str) -> None:
    with closing(Journal(path)) as journal:
        journal.remember_jobs({"h1": "alpha/one"})
        if when == "closed":
            journal.close()
        before = snapshot(path.parent)
        assert read_earlier_starts(path).known_ids == {"h1": "alpha/one"}
        assert snapshot(path.parent) == before
        assert len(before) == (1 if when == "closed" else 3)


def test_ids_of_no_journal_are_none_and_none_is_made(tmp_path: Path) -> None:
    assert read_earlier_starts(tmp_path / "no" / "journal.sqlite").known_ids == {}
    (tmp_path / "file").touch()
    assert read_earlier_starts(tmp_path / "file" / "journal.sqlite").known_ids == {}
    (tmp_path / "empty.sqlite").touch()
    assert read_earlier_starts(tmp_path / "empty.sqlite").known_ids == {}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["empty.sqlite", "file"]


def a_text(path: Path) -> None:
    path.write_text("this is not a database " * 100)


def cut_off(path: Path) -> None:
    Journal(path).close()
    path.write_bytes(path.read_bytes()[:-4096])


def a_directory(path: Path) -> None:
    path.mkdir()


def another_format(path: Path) -> None:
    Journal(path).close()
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("UPDATE meta SET value = '7' WHERE key = 'format'")


def another_database(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("CREATE TABLE recipes (name TEXT)")


UNUSABLE = [
    (a_text, "file is not a database.*: put back a copy of it, or give --rebuild"),
    (cut_off, "malformed.*: put back a copy of it"),
    (a_directory, "a file that can be written"),
    (another_format, "a journal of format 7, this version reads 1: use another --run-dir"),
    (another_database, "is a database, but no journal: move it away"),
]


@pytest.mark.parametrize(("make", "says"), UNUSABLE, ids=[make.__name__ for make, _ in UNUSABLE])
def test_what_is_no_journal_is_refused_and_left_as_it_is(
    path: Path, make: Callable[[Path], None], says: str
) -> None:
    path.parent.mkdir()
    make(path)
    before = path.read_bytes() if path.is_file() else b""
    for open_it in (Journal, read_earlier_starts):
        with pytest.raises(ConfigError, match=says) as caught:
            open_it(path)
        assert caught.value.source == str(path)
        assert (path.read_bytes() if path.is_file() else b"") == before


def test_a_journal_that_cannot_be_made_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="cannot be used as a journal"):
        Journal(tmp_path / "file" / "journal.sqlite")


def test_a_full_disk_says_what_to_do_and_loses_nothing(path: Path) -> None:
    with closing(Journal(path)) as journal:
        journal.append([transition("before")])
        (pages,) = journal._db.execute("PRAGMA page_count").fetchone()
        journal._db.execute(f"PRAGMA max_page_count = {pages}")
        big = [transition(f"job{number}", note="x" * 1000) for number in range(100)]
        with pytest.raises(TwophaseError, match=r"cannot be written \(.*full\); running jobs go on"):
            journal.append(big)
        assert [item.job_id for item in journal.transitions()] == ["before"]
        journal._db.execute("PRAGMA max_page_count = 100000")
        journal.append(big)
        assert len(list(journal.transitions())) == 101


def spoil(path: Path, marker: bytes) -> None:
    """Overwrite the pages that hold `marker`, of a journal that is closed."""
    content = path.read_bytes()
    pages = [content[at : at + 4096] for at in range(0, len(content), 4096)]
    path.write_bytes(b"".join(b"\xff" * 4096 if marker in page else page for page in pages))


USES: dict[str, Callable[[Journal], object]] = {
    "read": lambda journal: list(journal.transitions()),
    "append": lambda journal: journal.append([transition()]),
    "known ids": lambda journal: journal.known_ids(),
    "remember": lambda journal: journal.remember_jobs({"h": "alpha/job"}),
}


@pytest.mark.parametrize(
    ("use", "marker"),
    [("read", b"task899"), ("append", b"task899"), ("known ids", b"alpha/7"), ("remember", b"alpha/7")],
)
def test_damage_that_opening_does_not_meet_is_told_of(path: Path, use: str, marker: bytes) -> None:
    with closing(Journal(path)) as journal:
        journal.remember_jobs({f"hash{number}": f"alpha/{number}" for number in range(900)})
        journal.append([transition(f"task{number}") for number in range(900)])
    spoil(path, marker)
    with closing(Journal(path)) as journal, pytest.raises(ConfigError, match=r"malformed.*put back a copy"):
        USES[use](journal)


def test_a_withdrawal_under_its_former_name_is_read(path: Path) -> None:
    withdrawn = transition(trigger=Trigger.WITHDRAW, state=State.READY)
    with closing(Journal(path)) as journal:
        journal.append([withdrawn])
        with closing(sqlite3.connect(path)) as db, db:
            db.execute("UPDATE transitions SET trigger_ = 'recall'")
        assert list(journal.transitions()) == [withdrawn]


def test_a_line_of_another_version_is_told_of(path: Path) -> None:
    with closing(Journal(path)) as journal:
        journal.append([transition()])
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("UPDATE transitions SET trigger_ = 'teleport'")
    with closing(Journal(path)) as journal, pytest.raises(ConfigError, match="teleport"):
        list(journal.transitions())


def test_an_empty_journal_is_told_from_one_that_holds_something(path: Path) -> None:
    assert not is_empty(path)
    with closing(Journal(path)):
        assert not is_empty(path)
    path.write_bytes(b"")
    assert is_empty(path)


def test_the_code_of_each_start_is_kept_with_where_it_began(path: Path) -> None:
    one, two = {"snapshot": "1", "at": 1.0}, {"snapshot": "2", "at": 3.0}
    with closing(Journal(path)) as journal:
        assert journal.remember_code(one) == [(0, one)]
        journal.append([transition(), transition("alpha/other")])
    with closing(Journal(path)) as journal:
        assert journal.remember_code({**one, "at": 2.0}) == [(0, one)], "the same code is kept once"
        assert journal.remember_code(two) == [(0, one), (2, two)]
    earlier = read_earlier_starts(path)
    assert (earlier.code, earlier.known_ids) == (two, {})


def test_without_a_journal_there_were_no_starts(path: Path) -> None:
    assert read_earlier_starts(path).code is None
    with closing(Journal(path)):
        pass
    assert read_earlier_starts(path).code is None


def test_code_that_cannot_be_read_is_told_as_damage(path: Path) -> None:
    with closing(Journal(path)) as journal:
        journal.remember_code({"at": 1.0})
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("UPDATE meta SET value = '{' WHERE key = 'code'")
    with pytest.raises(ConfigError, match="cannot be used as a journal"):
        read_earlier_starts(path)
    with closing(Journal(path)) as journal, pytest.raises(ConfigError, match="cannot be used as a journal"):
        journal.remember_code({"at": 2.0})


def test_the_fields_of_jobs_are_kept_start_by_start(path: Path) -> None:
    with closing(Journal(path)) as journal:
        journal.remember_jobs({"h1": "alpha/one"}, {"h1": {"lr": 0.1}})
        journal.remember_jobs(
            {"h1": "alpha/one", "h2": "alpha/two"}, {"h1": {"lr": 9}, "h2": {"lr": 0.2, "x": None}}
        )
        journal.remember_jobs({"h3": "alpha/three"})
        found = [
            read_fields(path, job_id) for job_id in ("alpha/one", "Alpha/Two", "alpha/three", "alpha/four")
        ]
    assert found == [{"lr": 0.1}, {"lr": 0.2, "x": None}, None, None]


def test_a_journal_that_has_no_fields_tells_none(path: Path) -> None:
    assert read_fields(path, "alpha/one") is None
    path.parent.mkdir(exist_ok=True)
    with closing(sqlite3.connect(path)) as db:
        db.executescript((Path(__file__).with_name("cases") / "journal_format_1.sql").read_text())
    assert read_fields(path, "alpha/good") is None
