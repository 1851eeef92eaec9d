"""Activations whose true features are known, and how well an autoencoder found them.

Each example is a bias and a sum of features: unit directions, of which each is active by a probability of its
own (that fall like 1 / rank), in groups that tend to be active together, with a half-normal strength.  More
features than activations make them overlap, as those of models do.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from trainers.sae.evaluation import BATCH
from trainers.sae.files.saved import SavedSae
from trainers.sae.model.encoder import inference_codes
from trainers.sae.model.parameters import decoder_of

GROUP = 8
"""Features that tend to be active together."""
TOGETHER = 0.5
"""Share of a feature's activity that it has when its group is active."""


@dataclass(frozen=True)
class World:
    """The truth about synthetic activations."""

    directions_FD: Tensor
    """Unit features."""
    probability_F: Tensor
    bias_D: Tensor


@dataclass(frozen=True)
class Found:
    """How well the true features were found, each by the latent that is matched to it one to one."""

    f1: float
    """Of a feature's activity as its latent tells it, the mean over features that are active at all."""
    mcc: float
    """Mean |cosine| of a feature and its latent's decoder row (mean correlation coefficient)."""


def new_world(features: int, width: int, active: float, seed: int) -> World:
    """Draw a world; `active`: features of an example, on average."""
    generator = torch.Generator().manual_seed(seed)
    directions = torch.randn(features, width, generator=generator)
    weights = 1 / torch.arange(1, features + 1, dtype=torch.float32)
    probability = (weights * active / weights.sum()).clamp(max=0.5)
    probability *= active / float(probability.sum())
    return World(
        directions / directions.norm(dim=1, keepdim=True),
        probability.clamp(max=0.9),
        torch.randn(width, generator=generator) / width**0.5,
    )


def draw(world: World, examples: int, seed: int) -> tuple[Tensor, Tensor]:
    """Return activations [N, D] and the true strengths [N, F], 0 where a feature is not active."""
    generator = torch.Generator().manual_seed(seed)
    features = len(world.probability_F)
    groups = torch.arange(features) // GROUP
    # Half of the activity comes with the group's: its features share the draw of whether they may be active.
    chance_G = torch.zeros(int(groups[-1]) + 1).scatter_reduce(0, groups, world.probability_F, "amax")
    open_NG = torch.rand(examples, len(chance_G), generator=generator) < chance_G
    in_group_F = TOGETHER * world.probability_F
    alone_F = (world.probability_F - in_group_F) / (1 - in_group_F)
    alone = torch.rand(examples, features, generator=generator) < alone_F
    share_F = in_group_F / chance_G[groups]
    together = (torch.rand(examples, features, generator=generator) < share_F) & open_NG[:, groups]
    strengths = torch.randn(examples, features, generator=generator).abs() + 0.5
    z_NF = strengths * (alone | together)
    return z_NF @ world.directions_FD + world.bias_D, z_NF


def found(sae: SavedSae, world: World, x_ND: Tensor, z_NF: Tensor) -> Found:
    """Return how well an autoencoder found the features of examples."""
    rows_LD = decoder_of(sae.parameters).float()
    rows_LD = rows_LD / rows_LD.norm(dim=1, keepdim=True).clamp(min=1e-12)
    cosines_FL = (world.directions_FD @ rows_LD.t()).abs()
    features, latents = (torch.from_numpy(one) for one in linear_sum_assignment(-cosines_FL.numpy()))
    hits, told, true = (torch.zeros(len(features)) for _ in range(3))
    for start in range(0, len(x_ND), BATCH):
        says = _activity(sae, x_ND[start : start + BATCH])[:, latents]
        is_so = z_NF[start : start + BATCH][:, features] > 0
        hits, told, true = hits + (says & is_so).sum(0), told + says.sum(0), true + is_so.sum(0)
    seen = true > 0
    f1 = (2 * hits / (told + true).clamp(min=1))[seen].mean()
    return Found(float(f1), float(cosines_FL[features, latents].mean()))


def _activity(sae: SavedSae, x_BD: Tensor) -> Tensor:
    """Return which latents are active [B, L]."""
    active = torch.zeros(len(x_BD), sae.form.n_latents, dtype=torch.bool)
    codes = inference_codes(sae.form, sae.parameters, x_BD, sae.threshold)
    active[codes.rows, codes.columns] = codes.values > 0
    return active
