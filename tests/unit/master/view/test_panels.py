"""The parts of the live view."""

from __future__ import annotations

import pytest

from master.core.running.summary import PhaseCounts
from master.view.panels import PhaseBar, without_domain
from tests.unit.master.view.conftest import paper, written


@pytest.mark.parametrize(
    "counts",
    [
        PhaseCounts(total=3, succeeded=1, failed=1, running=1),
        PhaseCounts(total=100000, succeeded=1),
        PhaseCounts(total=7, succeeded=3, blocked=2, cancelled=1),
        PhaseCounts(),
    ],
)
@pytest.mark.parametrize("width", [1, 8, 79])
def test_the_parts_of_a_bar_fill_it(counts: PhaseCounts, width: int) -> None:
    widths = [part for part, _ in PhaseBar(counts).parts(width)]
    assert sum(widths) == width
    assert min(widths) >= 0


def test_a_whole_bar_is_full() -> None:
    console = paper(20)
    console.print(PhaseBar(PhaseCounts(total=3, succeeded=3)))
    assert written(console) == "━" * 20 + "\n"


@pytest.mark.parametrize(
    ("hosts", "names"),
    [
        (["lab1.uni.org", "lab2.uni.org"], ["lab1", "lab2"]),
        (["lab1.uni.org"], ["lab1.uni.org"]),
        (["lab1.uni.org", "lab1.else.org"], ["lab1.uni.org", "lab1.else.org"]),
        (["10.0.0.1", "11.0.0.1"], ["10.0.0.1", "11.0.0.1"]),
        (["lab1.uni.org:22", "lab2.uni.org:22"], ["lab1.uni.org:22", "lab2.uni.org:22"]),
        (["lab1", "lab2"], ["lab1", "lab2"]),
        ([], []),
    ],
)
def test_the_domain_that_all_share_is_left_out(hosts: list[str], names: list[str]) -> None:
    assert list(without_domain(hosts).values()) == names
