"""What the tables before and after a run have in common."""

from __future__ import annotations

import pytest

from master.view.tables import cut


@pytest.mark.parametrize("number", range(60))
def test_a_cut_loses_no_count(number: int) -> None:
    first, hidden, last = cut(range(number))
    assert len(first) + hidden + len(last) == number
    assert hidden != 1
