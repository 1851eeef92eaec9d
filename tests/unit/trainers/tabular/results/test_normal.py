"""The normal distribution's quantile function."""

from __future__ import annotations

import torch

from trainers.tabular.results.normal import normal_quantile


def test_it_is_that_of_torch() -> None:
    small = torch.logspace(-15, -1, 300, dtype=torch.float64)
    p = torch.cat([small, torch.linspace(0.05, 0.95, 300, dtype=torch.float64), 1 - small[100:]])
    assert torch.allclose(normal_quantile(p), torch.special.ndtri(p), rtol=0, atol=1e-13)
