"""The orders of users as rows of the journal: who gave them, when, why and what for."""

from __future__ import annotations

import sqlite3
from typing import Any

from master.core.running.orders.order import ORDERS, By, Ordered
from worker_agent.protocol.codec import dump, load, parse

ORDERS_TABLE = (
    "CREATE TABLE IF NOT EXISTS orders (seq INTEGER PRIMARY KEY, at REAL NOT NULL, uid INTEGER NOT NULL,"
    " user_ TEXT NOT NULL, pid INTEGER NOT NULL, verb TEXT NOT NULL, why TEXT NOT NULL, detail TEXT NOT NULL)"
)
INSERT_ORDER = "INSERT INTO orders (at, uid, user_, pid, verb, why, detail) VALUES (?, ?, ?, ?, ?, ?, ?)"
SELECT_ORDERS = "SELECT at, uid, user_, pid, verb, why, detail FROM orders ORDER BY seq"


def as_text(words: str) -> str:
    """Return words in which there may be what is no text."""
    return words.encode("utf-8", "backslashreplace").decode()


def row_of(event: Ordered) -> tuple[Any, ...]:
    """Return an order as a row."""
    by = event.by
    return event.at, by.uid, as_text(by.user), by.pid, event.verb, as_text(event.why), dump(event.order)


def orders_in(db: sqlite3.Connection) -> list[Ordered]:
    """Return all orders of a journal that is read; none where an earlier version wrote it."""
    has = db.execute("SELECT 1 FROM sqlite_master WHERE name = 'orders'").fetchone()
    return [ordered_of(row) for row in db.execute(SELECT_ORDERS)] if has else []


def ordered_of(row: tuple[Any, ...]) -> Ordered:
    """Undo `row_of`.  Raises ValueError and LookupError for what this version does not write."""
    at, uid, user, pid, verb, why, detail = row
    if type(at) is not float or any(type(each) is not str for each in (verb, why, detail)):
        raise ValueError(f"not an order: {row!r:.200}")
    by = parse(By, {"uid": uid, "user": user, "pid": pid})
    return Ordered(at, by, parse(ORDERS[verb], load(detail)), why)
