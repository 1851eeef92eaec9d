"""What a job that floods its log does to its neighbours.

Three arms on one agent with two slots: nothing in the first slot, a loop that only computes, and `yes`.  Each
measures round trips to the agent, and the time from a launch to the event that the job runs.  For `yes` also
how much it wrote, and the most that its log took of the disk while it did.

    python -m benchmarks.flood
    python -m benchmarks.flood --json
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

from rich.console import Console
from rich.table import Table

from tests.integration.agent_harness import Host, Master
from worker_agent.protocol import messages as msg

NEIGHBOURS = {
    "nothing": [],
    "a busy loop": ["/bin/sh", "-c", "while :; do :; done"],
    "yes": ["/usr/bin/env", "yes"],
}
PINGS, JOBS = 300, 60


@dataclass(frozen=True)
class Row:
    """One arm; times in milliseconds, sizes in MB (10⁶ bytes)."""

    neighbour: str
    ping_median_ms: float
    ping_max_ms: float
    start_median_ms: float
    start_max_ms: float
    written_mb: float = 0.0
    written_mb_per_s: float = 0.0
    most_on_disk_mb: float = 0.0
    kept_mb: float = 0.0


class DiskUse:
    """Looks again and again at how much of the disk a file takes."""

    def __init__(self, path: Path) -> None:
        self.most = 0
        self._path = path
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> DiskUse:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._done.wait(0.01):
            if self._path.exists():
                self.most = max(self.most, self._path.stat().st_blocks * 512)


def measure(master: Master, label: str) -> tuple[list[float], list[float]]:
    """Return round trips and starts in milliseconds."""

    def timed(action: Callable[[], object]) -> float:
        began = time.perf_counter()
        action()
        return (time.perf_counter() - began) * 1000

    def start(number: int) -> None:
        master.launch(f"{label}{number}", "", argv=["/bin/true"])
        master.wait_event("running", f"{label}{number}")

    pings, starts = [], []
    for _ in range(PINGS):
        pings.append(timed(master.settle))
        time.sleep(0.01)
    for number in range(JOBS):
        starts.append(timed(lambda: start(number)))  # noqa: B023 - called at once
        master.finished(f"{label}{number}")
    return pings, starts


def arm(host: Host, master: Master, neighbour: str, index: int) -> Row:
    """Measure beside one neighbour."""
    argv, key = NEIGHBOURS[neighbour], f"neighbour{index}"
    log = host.work().attempt("r1", key, 1).log
    if not argv:
        return _row(neighbour, *measure(master, f"job{index}."))
    master.launch(key, "", argv=argv)
    master.wait_event("running", key)
    began = time.monotonic()
    with DiskUse(log) as use:
        pings, starts = measure(master, f"job{index}.")
        seconds, written = time.monotonic() - began, log.stat().st_size
    master.send(msg.Cancel(key, 1))
    done = master.finished(key)
    kept = done.log.size if done.log else 0
    sizes = [size / 1e6 for size in (written, written / seconds, use.most, kept)]
    return _row(neighbour, pings, starts, *sizes)


def _row(neighbour: str, pings: list[float], starts: list[float], *sizes: float) -> Row:
    times = (median(pings), max(pings), median(starts), max(starts))
    return Row(neighbour, *(round(value, 2) for value in (*times, *sizes)))


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        host = Host(Path(folder))
        try:
            master = host.connect(cpu_slots=2)
            rows = [arm(host, master, name, index) for index, name in enumerate(NEIGHBOURS)]
        finally:
            host.close()
    if options.json:
        facts = {"cores": len(os.sched_getaffinity(0)), "load": os.getloadavg()[0]}
        print(json.dumps({**facts, "rows": [asdict(row) for row in rows]}, indent=2))
        return 0
    table = Table(*(name.replace("_", " ") for name in asdict(rows[0])))
    for row in rows:
        table.add_row(*(str(value) for value in asdict(row).values()))
    Console(width=160).print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main())
