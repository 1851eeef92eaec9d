"""Leaving out latents that nothing activates: the same reconstructions from a smaller file.

A latent that no example of a file activates adds nothing to any of their reconstructions, and is in nobody's
way where active latents are chosen by size.  Other examples may have activated it; the report says how many
were looked at.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace

import torch
from torch import Tensor

from trainers.common.errors import BadInput
from trainers.sae.evaluation import BATCH, reconstructed
from trainers.sae.files.saved import SavedSae

PER_LATENT = ("W_enc", "b_enc", "W_dec", "threshold")


@dataclass(frozen=True)
class Report:
    """What pruning did."""

    examples: int
    """That were looked at."""
    latents_before: int
    latents_after: int
    bytes_before: int
    bytes_after: int
    largest_difference: float
    """Between reconstructions before and after, of any activation of any of these examples."""
    kept: list[int]
    """Numbers that the latents that are left had before."""

    def as_json(self) -> dict[str, object]:
        """Return the report as a file has it."""
        return asdict(self)


@torch.no_grad()
def active_counts(sae: SavedSae, blocks: Iterable[Tensor]) -> tuple[Tensor, int]:
    """Return how many examples activate each latent [L], and how many examples there are."""
    counts, examples = torch.zeros(sae.form.n_latents, dtype=torch.int64), 0
    for part in (part for block in blocks for part in block.split(BATCH)):
        counts += reconstructed(sae.form, sae.parameters, part, sae.threshold)[1].long()
        examples += len(part)
    return counts, examples


def pruned(sae: SavedSae, kept: Tensor) -> SavedSae:
    """Return it with some of its latents [n], int64 and rising, alone; BadInput where there are none."""
    if not len(kept):
        raise BadInput("no example activates any latent: nothing would be left")
    parameters = {
        name: value[kept] if name in PER_LATENT else value for name, value in sae.parameters.items()
    }
    form = replace(sae.form, n_latents=len(kept), k=min(sae.form.k, len(kept)))
    return replace(sae, form=form, parameters=parameters)


@torch.no_grad()
def largest_difference(before: SavedSae, after: SavedSae, blocks: Iterable[Tensor]) -> float:
    """Return how far the reconstructions of any example are apart at most."""
    parts = (part for block in blocks for part in block.split(BATCH))
    return max(float((before.reconstruct(part) - after.reconstruct(part)).abs().max()) for part in parts)


def report_of(before: SavedSae, after: SavedSae, kept: Tensor, examples: int, difference: float) -> Report:
    """Return what is told of a pruning."""
    return Report(
        examples=examples,
        latents_before=before.form.n_latents,
        latents_after=after.form.n_latents,
        bytes_before=_bytes(before),
        bytes_after=_bytes(after),
        largest_difference=difference,
        kept=kept.tolist(),
    )


def _bytes(sae: SavedSae) -> int:
    return sum(value.nbytes for value in sae.parameters.values())
