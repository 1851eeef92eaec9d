"""Pieces of logs come to who asked for them, and what a worker may not send is refused."""

from __future__ import annotations

import pytest

from master.adapters.watching.log_watches import Ending, LogWatches, Written
from worker_agent.protocol.codec import MessageError
from worker_agent.protocol.logs.watching import GRANTED, LogChunk, Unwatch, Watch, Watching, WatchOn


class Link:
    """A link that remembers what was sent."""

    def __init__(self) -> None:
        self.sent, self.is_up = list[Watching](), True
        self.watches = LogWatches(self.sent.append, lambda: self.is_up)


@pytest.fixture
def link() -> Link:
    return Link()


def test_what_comes_is_given_out_and_more_is_granted(link: Link) -> None:
    watch = link.watches.open("a/b", 1, 7)
    (asked,) = link.sent
    assert isinstance(asked, Watch) and (asked.job_id, asked.attempt, asked.offset) == ("a/b", 1, 7)
    link.watches.take(LogChunk.of(asked.number, 7, b"text"))
    link.watches.take(LogChunk(asked.number, 11, over=True))
    assert [watch.next(0.0) for _ in range(3)] == [Written(7, b"text"), Ending.OVER, None]
    watch.close()
    assert link.sent[1:] == [WatchOn(asked.number), Unwatch(asked.number)]


def test_each_gets_its_own(link: Link) -> None:
    one, other = link.watches.open("a/b", 1), link.watches.open("a/b", 1, last_lines=3)
    first, second = link.sent
    assert isinstance(second, Watch) and second.last_lines == 3 and first.number != second.number
    link.watches.take(LogChunk.of(second.number, 0, b"x"))
    link.watches.take(LogChunk(first.number, 0, gone=True))
    assert one.next(0.0) is Ending.GONE and other.next(0.0) == Written(0, b"x")


def test_what_comes_for_nobody_is_let_go(link: Link) -> None:
    watch = link.watches.open("a/b", 1)
    watch.close()
    link.watches.take(LogChunk.of(link.sent[0].number, 0, b"late"))
    assert watch.next(0.0) is None


def test_a_link_that_breaks_ends_all(link: Link) -> None:
    watch = link.watches.open("a/b", 1)
    link.watches.lose()
    link.is_up = False
    assert watch.next(0.0) is Ending.LOST
    assert link.watches.open("a/b", 1).next(0.0) is Ending.LOST and len(link.sent) == 1


def test_a_worker_cannot_fill_our_memory(link: Link) -> None:
    watch = link.watches.open("a/b", 1)
    number = link.sent[0].number
    with pytest.raises(MessageError, match="nobody has asked for"):
        for place in range(100):
            link.watches.take(LogChunk.of(number, place, b"x"))
    assert sum(watch.next(0.0) is not None for _ in range(100)) <= GRANTED + 1


def test_after_its_end_a_log_is_at_its_end(link: Link) -> None:
    watch = link.watches.open("a/b", 1)
    number = link.sent[0].number
    link.watches.take(LogChunk(number, 0, over=True))
    for last in (
        LogChunk(number, 0, over=True),
        LogChunk(number, 0, gone=True),
        LogChunk.of(number, 0, b"x"),
    ):
        with pytest.raises(MessageError, match="after its end"):
            link.watches.take(last)
    assert (watch.next(0.0), watch.next(0.0)) == (Ending.OVER, None)


def test_a_log_does_not_go_back(link: Link) -> None:
    link.watches.open("a/b", 1)
    number = link.sent[0].number
    link.watches.take(LogChunk.of(number, 10, b"text"))
    with pytest.raises(MessageError, match="from 14 to 13"):
        link.watches.take(LogChunk.of(number, 13, b"text"))
