"""How good an autoencoder is on examples that it was not trained on."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass

import torch
from torch import Tensor

from trainers.sae.model.architecture import Architecture
from trainers.sae.model.codes import latent_sums
from trainers.sae.model.dense import encoded
from trainers.sae.model.encoder import inference_codes
from trainers.sae.model.parameters import Parameters, decoder_of, output_bias

BATCH = 512


@dataclass(frozen=True)
class Evaluation:
    """Figures over the held-out examples."""

    loss: float
    """What early stopping and checkpoints go by: mean squared error with penalty (relu, gelu), else `fvu`."""
    fvu: float
    """Fraction of the variance that is not explained."""
    mse: float
    """Mean squared error of scaled activations."""
    l0: float
    """Active latents of an example, on average."""
    dead_share: float
    """Share of the latents that no held-out example activates."""
    frequency_L: Tensor
    """Share of the examples that activate each latent."""
    strength_L: Tensor
    """Mean value of each latent where it is active."""

    def figures(self) -> dict[str, float]:
        """Return the numbers alone."""
        return {name: value for name, value in asdict(self).items() if isinstance(value, float)}

    def density(self, bins: int = 30) -> dict[str, list[float]]:
        """Return the histogram of log10 of how often latents are active; those never active are left out."""
        seen = self.frequency_L[self.frequency_L > 0].log10()
        edges = torch.linspace(math.log10(1e-7), 0, bins + 1)
        counts = torch.histogram(seen.float().clamp(min=float(edges[0])), edges)[0]
        return {"log10_edges": edges.tolist(), "latents": counts.tolist()}


@torch.no_grad()
def evaluate(
    form: Architecture, parameters: Parameters, held_out: Tensor, threshold: Tensor, factor: float = 1.0
) -> Evaluation:
    """Return the figures of an autoencoder; `factor` scales the examples as they were in training."""
    squares, penalty = 0.0, 0.0
    total = torch.zeros(2, form.n_latents, dtype=torch.float64, device=threshold.device)
    for block in held_out.split(BATCH):
        x = block.to(threshold.device) * factor
        made, seen, sums = reconstructed(form, parameters, x, threshold)
        squares += float((made - x).double().square().sum())
        total += torch.stack([seen.double(), sums.double()])
        penalty += float(sums.abs().sum())
    spread = float((held_out - held_out.mean(0)).double().square().sum()) * factor**2
    n, mse = len(held_out), squares / held_out.numel()
    fvu = squares / max(spread, 1e-300)
    loss = fvu if form.is_selective else mse + form.sparsity_coef * penalty / (n * form.n_latents)
    return Evaluation(
        loss=loss,
        fvu=fvu,
        mse=mse,
        l0=float(total[0].sum()) / n,
        dead_share=float((total[0] == 0).double().mean()),
        frequency_L=(total[0] / n).cpu(),
        strength_L=(total[1] / total[0].clamp(min=1)).cpu(),
    )


@torch.no_grad()
def squared_errors(form: Architecture, parameters: Parameters, x_ND: Tensor, threshold: Tensor) -> Tensor:
    """Return the squared error of every example [N]."""
    found = [
        (reconstructed(form, parameters, x, threshold)[0] - x).square().sum(1) for x in x_ND.split(BATCH)
    ]
    return torch.cat(found)


def reconstruct(form: Architecture, parameters: Parameters, x_BD: Tensor, threshold: Tensor) -> Tensor:
    """Return what an autoencoder makes of examples [B, D]."""
    return reconstructed(form, parameters, x_BD, threshold)[0]


def reconstructed(
    form: Architecture, parameters: Parameters, x_BD: Tensor, threshold: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Return what it makes of examples [B, D], how many activate each latent, and sums of values [L]."""
    decoder = decoder_of(parameters)
    if not form.is_selective:
        h = encoded(form, parameters, x_BD)
        z = h.relu() if form.kind == "relu" else torch.nn.functional.gelu(h)
        return z @ decoder + output_bias(parameters), (z > 0).sum(0), z.sum(0)
    codes = inference_codes(form, parameters, x_BD, threshold)
    counts = torch.bincount(codes.columns, minlength=form.n_latents)
    return codes.decoded(decoder) + output_bias(parameters), counts, latent_sums(codes, codes.values)
