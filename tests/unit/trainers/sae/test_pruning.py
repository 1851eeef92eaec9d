"""Latents that nothing activates are left out, and no reconstruction changes."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from tests.unit.trainers.sae.data import activations, sae
from trainers.common.errors import BadInput
from trainers.sae.model.architecture import KINDS
from trainers.sae.pruning import active_counts, largest_difference, pruned, report_of


@pytest.mark.parametrize(
    ("kind", "tied"),
    [("relu", True), *((kind, False) for kind in KINDS if kind != "gelu")],
)
def test_what_nothing_activates_changes_nothing(kind: Any, tied: bool) -> None:
    whole, x = sae(kind, **({"tied": True} if tied else {})), activations()
    silent = torch.arange(0, 48, 3)
    whole.parameters["b_enc"][silent] = -100.0
    counts, examples = active_counts(whole, [x[:150], x[150:]])
    assert examples == 400 and not counts[silent].any()
    kept = counts.nonzero()[:, 0]
    smaller = pruned(whole, kept)
    assert smaller.form.n_latents == len(kept) <= 32
    assert largest_difference(whole, smaller, [x]) <= 1e-5
    report = report_of(whole, smaller, kept, examples, 0.0)
    assert report.kept == kept.tolist() and report.bytes_after < report.bytes_before * 0.75
    assert report.as_json()["latents_before"] == 48


def test_counts_are_of_examples() -> None:
    whole, x = sae("topk"), activations()
    counts, _ = active_counts(whole, [x])
    assert int(counts.sum()) <= 4 * len(x) and int(counts.max()) <= len(x)


def test_k_is_never_above_what_is_left() -> None:
    assert pruned(sae("topk"), torch.tensor([1, 5])).form.k == 2
    with pytest.raises(BadInput, match="no example activates any latent"):
        pruned(sae("topk"), torch.tensor([], dtype=torch.int64))
