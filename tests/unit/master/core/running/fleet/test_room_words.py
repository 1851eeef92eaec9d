"""GPUs are told as GPUs."""

from __future__ import annotations

import pytest

from master.core.running.fleet.room_words import room_of


@pytest.mark.parametrize(
    ("slots", "gpus", "per_gpu", "held", "told"),
    [
        (1, 0, None, 0, "1 job at a time"),
        (2, 0, None, 1, "2 jobs at a time, 1 of them held by other runs or users"),
        (1, 1, None, 0, "1 GPU, shared by memory"),
        (1, 1, None, 0.906, "1 GPU, shared by memory, 91 % of it held by other runs or users"),
        (4, 4, None, 0.5, "4 GPUs, shared by memory, 50 % of a GPU held by other runs or users"),
        (4, 4, None, 1.5, "4 GPUs, shared by memory, 1.5 of them held by other runs or users"),
        (3, 1, 3, 0, "1 GPU, 3 jobs at a time"),
        (8, 2, 4, 3, "2 GPUs, 4 jobs on each at a time, 3 of the 8 slots held by other runs or users"),
    ],
)
def test_room_in_words(slots: int, gpus: int, per_gpu: int | None, held: float, told: str) -> None:
    assert room_of(slots, gpus, per_gpu, held) == told
