"""Single probes as modules: what they are made as, and that they are made alike."""

from __future__ import annotations

import pytest
import torch

from trainers.probes.fitting.modules import LinearProbe, MultiheadProbe, new_module, seeded_module
from trainers.probes.settings import Settings


@pytest.mark.parametrize(
    ("settings", "kind"),
    [
        (Settings(dtype="float64"), LinearProbe),
        (Settings(model_type="multihead", hidden_dim=16), MultiheadProbe),
    ],
)
def test_a_probe_is_of_the_kind_and_type_of_its_settings(settings: Settings, kind: type) -> None:
    module = new_module(settings, 5)
    assert isinstance(module, kind)
    assert {value.dtype for value in module.parameters()} == {settings.compute_dtype}
    assert module(torch.zeros(3, 5, dtype=settings.compute_dtype)).shape == (3,)


def test_a_probe_begins_the_same_whatever_was_made_before_it() -> None:
    def weights(seed: int, probe: int) -> list[float]:
        return seeded_module(Settings(seed=seed), 4, probe).linear.weight.flatten().tolist()

    first = weights(0, 3)
    weights(0, 1)
    assert weights(0, 3) == first
    assert len({tuple(weights(*pair)) for pair in ((0, 3), (0, 1), (1, 3))}) == 3
