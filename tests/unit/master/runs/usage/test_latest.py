"""The last word of each worker on how busy it is."""

from __future__ import annotations

from master.runs.notices import Notices, Sampled
from master.runs.usage.latest import LatestUse
from worker_agent.protocol.reports import GpuUse, Usage


def test_the_last_word_of_each_worker_counts() -> None:
    latest = LatestUse()
    notices = Notices([latest])
    assert latest.told() == {}
    notices.tell(Sampled("w1", Usage(cpu_percent=5.0)))
    notices.tell(Sampled("w2", Usage(memory_bytes=8)))
    notices.tell(Sampled("w1", Usage(cpu_percent=50.0, gpus=[GpuUse(0, 90.0, 1, 2)])))
    told = latest.told()
    assert (told["w1"]["cpu_percent"], told["w2"]["memory_bytes"]) == (50.0, 8)
    assert told["w1"]["gpus"] == [
        {"index": 0, "utilization_percent": 90.0, "used_bytes": 1, "total_bytes": 2}
    ]
