"""The orders of users in the journal."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from master.core.running.orders.order import By, CancelJobs, Ordered
from master.errors import ConfigError, TwophaseError
from master.storage.journal import Journal
from master.storage.journal_orders import orders_in
from master.storage.journal_reading import read_orders

ORDER = Ordered(7.5, By(1000, "anna", 4711), CancelJobs(["alpha/job"], ["ready"]), "diverges")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.sqlite"


def test_orders_come_back_in_order_with_who_when_and_why(path: Path) -> None:
    with closing(Journal(path)) as journal:
        journal.append([], [ORDER])
        journal.append([], [Ordered(8.0, By(0, "root", 0), CancelJobs([]))])
        assert next(journal.orders()) == ORDER
    assert [order.by.user for order in read_orders(path)] == ["anna", "root"]


def test_what_is_no_text_is_kept_as_text_and_stops_no_run(path: Path) -> None:
    with closing(Journal(path)) as journal:
        journal.append([], [Ordered(7.5, By(1000, "an\udcffna", 1), CancelJobs(["\ud800"]), "caf\udce9")])
    kept = read_orders(path)[0]
    assert (kept.by.user, kept.why, kept.order) == (r"an\udcffna", r"caf\udce9", CancelJobs(["\ud800"]))


def test_a_journal_of_an_earlier_version_has_none_and_takes_some(path: Path) -> None:
    with closing(Journal(path)) as journal:
        journal.append([], [])
    with closing(sqlite3.connect(path)) as db:
        db.execute("DROP TABLE orders")
        assert orders_in(db) == []
    assert read_orders(path) == read_orders(path.with_name("none")) == []
    with closing(Journal(path)) as journal:
        journal.append([], [ORDER])
        assert list(journal.orders()) == [ORDER]


@pytest.mark.parametrize("damage", ["verb = 'explode'", "detail = '{\"jobs\": 7}'", "uid = 'x'", "at = 'x'"])
def test_an_order_that_cannot_be_is_told_as_damage(path: Path, damage: str) -> None:
    with closing(Journal(path)) as journal:
        journal.append([], [ORDER])
        with closing(sqlite3.connect(path)) as db:
            db.execute(f"UPDATE orders SET {damage}")
            db.commit()
        with pytest.raises(ConfigError, match="journal"):
            list(journal.orders())
    with pytest.raises(TwophaseError, match="journal"):
        read_orders(path)
