"""How long the tests of each room took: told at the end of a run, before pytest's own closing line."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

import pytest


@dataclass(eq=False)
class RoomTimes:
    """A plugin that adds up what pytest reports of each test, by the folder below `tests/`."""

    seconds: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    tests: defaultdict[str, set[str]] = field(default_factory=lambda: defaultdict(set))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Add a test's setup, call or teardown."""
        self.add(report.nodeid, report.duration)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Print a line for each room."""
        if self.seconds:
            terminalreporter.section("minutes per room")
            terminalreporter.write("\n".join(self.lines()) + "\n")

    def add(self, nodeid: str, seconds: float) -> None:
        """Count what a test took; what lies directly in `tests/` is its own room."""
        room = "/".join(nodeid.split("::")[0].split("/")[:2])
        self.seconds[room] += seconds
        self.tests[room].add(nodeid)

    def lines(self) -> list[str]:
        """Return the table."""
        return [
            f"{room:20} {took / 60:7.1f} min {len(self.tests[room]):6,} tests"
            for room, took in sorted(self.seconds.items())
        ]
