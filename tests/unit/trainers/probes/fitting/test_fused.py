"""How the fused trainer shares a CPU with the thread that prepares its batches."""

from __future__ import annotations

import pytest

from trainers.probes.fitting.fused import product_threads
from trainers.probes.settings import Settings


@pytest.mark.parametrize(
    ("settings", "probes", "cores", "threads"),
    [
        (Settings(), 45, 2, 1),
        (Settings(), 45, 16, 15),
        (Settings(), 45, 1, 1),
        (Settings(lrs=(1e-4, 5e-4, 1e-3)), 45, 2, 2),
        (Settings(model_type="multihead"), 3, 2, 2),
    ],
)
def test_a_core_is_left_to_the_batches_where_products_are_short(
    settings: Settings, probes: int, cores: int, threads: int
) -> None:
    assert product_threads(settings, probes, cores) == threads
