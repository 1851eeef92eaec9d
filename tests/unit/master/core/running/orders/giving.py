"""Gives orders to the run of a test."""

from __future__ import annotations

from dataclasses import dataclass

from master.core.running.orders.order import CancelJobs, Order, Reply, RetryJobs
from tests.unit.master.core.running.stage import Stage


@dataclass(frozen=True)
class Came:
    """What came of an order."""

    reply: Reply
    lines: list[str]
    """What is remembered of jobs, and done; not what those who watch are told."""

    @property
    def done(self) -> dict[str, str]:
        return {item.name: item.says for item in self.reply.done}

    @property
    def refused(self) -> dict[str, str]:
        return {item.name: item.says for item in self.reply.refused}


def give(run: Stage, order: Order, why: str = "", *, dry_run: bool = False) -> Came:
    """Give an order to a run."""
    lines = run.order(order, why, dry_run=dry_run)
    assert run.reply is not None
    return Came(run.reply, [line for line in lines if not line.startswith("tell ")])


def cancel(run: Stage, *jobs: str, only: tuple[str, ...] = (), why: str = "", dry_run: bool = False) -> Came:
    """Cancel jobs of a run."""
    return give(run, CancelJobs(list(jobs), list(only)), why, dry_run=dry_run)


def retry(run: Stage, *jobs: str, only: tuple[str, ...] = (), why: str = "", dry_run: bool = False) -> Came:
    """Retry jobs of a run."""
    return give(run, RetryJobs(list(jobs), list(only)), why, dry_run=dry_run)
