"""A log that somebody looks at, from a real agent: gaps where it was cut, and nobody held up by a reader."""

from __future__ import annotations

from tests.integration.agent_harness import Host, Master
from worker_agent.protocol import messages as msg
from worker_agent.protocol.logs.watching import GRANTED, LogChunk, Unwatch, Watch, WatchOn

LIMIT = 1 << 20
LINES = 300_000
WRITE = f"import sys\nfor number in range({LINES}): sys.stdout.write('%015d\\n' % number)"
WAIT = "\nsys.stdout.flush()\nimport time\ntime.sleep(600)"


def pieces(master: Master, number: int) -> list[LogChunk]:
    """Read a log to its end."""
    found: list[LogChunk] = []
    while not (found and (found[-1].over or found[-1].gone)):
        found.append(master.wait(lambda item: isinstance(item, LogChunk) and item.number == number))
        master.send(WatchOn(number))
    return found


def test_what_was_cut_is_a_gap_and_all_else_is_where_it_was_written(host: Host) -> None:
    master = host.connect(log_limit_bytes=LIMIT)
    master.launch("alpha/a", WRITE)
    master.wait_event("running", "alpha/a")
    master.send(Watch(1, "alpha/a", 1))
    *found, last = pieces(master, 1)
    assert found[0].offset == 0
    assert last.over and last.offset == 16 * LINES, "as long as it was written, not as what is kept of it"
    for chunk in found:
        data, skip = chunk.bytes(), -chunk.offset % 16
        whole = data[skip : len(data) - (len(data) - skip) % 16]
        first = (chunk.offset + skip) // 16
        numbers = range(first, first + len(whole) // 16)
        assert whole == b"".join(b"%015d\n" % number for number in numbers)


def test_a_reader_that_stands_still_holds_nobody_up(host: Host) -> None:
    master = host.connect(cpu_slots=2)
    master.launch("alpha/a", WRITE + WAIT)
    master.wait_event("running", "alpha/a")
    master.send(Watch(1, "alpha/a", 1))
    for _ in range(GRANTED):
        master.wait(lambda item: isinstance(item, LogChunk))
    master.launch("alpha/b", "print('done')")
    assert master.finished("alpha/b").outcome == "succeeded"
    assert len(master.said(LogChunk)) == GRANTED
    master.send(WatchOn(1))
    last = master.said(LogChunk)[-1]
    following = master.wait(lambda item: isinstance(item, LogChunk))
    assert following.offset == last.offset + len(last.bytes())
    master.send(Unwatch(1), WatchOn(1), msg.Cancel("alpha/a", 1))
    master.finished("alpha/a")
    assert len(master.said(LogChunk)) == GRANTED + 1
