"""What the optimiser remembers of a network."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from trainers.personalization.fitting.moments import Moments


def test_a_state_of_another_network_is_refused() -> None:
    with pytest.raises(RuntimeError):
        Moments.of(nn.Linear(3, 4)).load_state_dict(Moments.of(nn.Linear(2, 2)).state_dict())


def test_one_number_is_not_taken_for_that_of_all_parameters() -> None:
    moments = Moments.of(nn.Linear(2, 2))
    with pytest.raises(RuntimeError, match="means are of 1 parameters"):
        moments.load_state_dict({**moments.state_dict(), "means": torch.ones(1)})
    assert not moments.means.any()
