"""Areas by counting are those by sorting, bit by bit."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from trainers.probes.fitting.device.areas import Areas
from trainers.probes.fitting.ranking import roc_auc


@settings(deadline=None)
@given(st.integers(1, 20), st.integers(2, 70), st.sampled_from([0.0, 0.05, 0.5, 0.95]), st.data())
def test_areas_are_those_of_a_sort(probes: int, size: int, share: float, data: st.DataObject) -> None:
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    scores = torch.from_numpy(rng.normal(size=(probes, size)))
    if data.draw(st.booleans()):
        scores = scores.mul(2).round()
    labels = torch.from_numpy((rng.random((probes, size)) < share).astype("uint8"))
    dtype = data.draw(st.sampled_from([torch.float32, torch.float64]))
    found, expected = Areas(labels).roc_auc(scores.to(dtype)), roc_auc(scores.to(dtype), labels)
    assert torch.equal(found.nan_to_num(-1), expected.nan_to_num(-1))


@pytest.mark.parametrize("odd", [torch.inf, -torch.inf, torch.nan, -0.0])
def test_odd_scores_count_as_they_do_in_a_sort(odd: float) -> None:
    labels = torch.tensor([[0, 1, 0, 1, 1], [0, 0, 0, 0, 1]], dtype=torch.uint8)
    scores = torch.tensor([[odd, 0.0, 1.0, odd, 2.0], [odd, 3.0, odd, 0.0, odd]])
    found, expected = Areas(labels).roc_auc(scores), roc_auc(scores, labels)
    assert torch.equal(found.nan_to_num(-1), expected.nan_to_num(-1))


def test_no_probe_has_no_area() -> None:
    assert Areas(torch.empty(0, 7, dtype=torch.uint8)).roc_auc(torch.empty(0, 7)).shape == (0,)
