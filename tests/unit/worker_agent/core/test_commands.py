"""What the core's commands say of themselves."""

from __future__ import annotations

import pytest

from worker_agent.core.commands import Collect
from worker_agent.core.execution import Exit
from worker_agent.protocol.messages import Launch


@pytest.mark.parametrize(
    ("exit_code", "stopped", "succeeded"),
    [(0, False, True), (1, False, False), (-9, True, False), (0, True, False)],
)
def test_a_script_has_done_its_part_where_it_ended_well_by_itself(
    exit_code: int, stopped: bool, succeeded: bool
) -> None:
    collect = Collect(Launch("a", 1, 2, ["x"]), Exit(("a", 1), exit_code, None, 1.0), stopped)
    assert collect.succeeded is succeeded
