"""Autoencoders as modules of linear layers, differentiated automatically; loss and L0 of a batch.

The parameters have their names in the files (`files/seed.py`).  Shapes: B examples, L latents, D activations.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from trainers.sae.model.architecture import Architecture
from trainers.sae.model.parameters import Parameters


@dataclass(frozen=True)
class Figures:
    """What a batch gives."""

    loss: Tensor
    reconstruction_loss: Tensor
    sparsity_loss: Tensor
    l0: Tensor
    """Active latents of an example, on average."""


class L1Autoencoder(nn.Module):
    """ReLU or GELU; the loss is the mean squared error and a penalty on the mean of |z|."""

    def __init__(self, form: Architecture) -> None:
        super().__init__()
        self._form = form
        self.encoder = nn.Linear(form.n_features, form.n_latents)
        self.decoder_bias = nn.Parameter(torch.zeros(form.n_features))
        self.decoder = None if form.tied else nn.Linear(form.n_latents, form.n_features)

    def forward(self, x_BD: Tensor) -> Figures:
        """Return the figures of a batch."""
        h_BL = self.encoder(x_BD)
        z_BL = functional.relu(h_BL) if self._form.kind == "relu" else functional.gelu(h_BL)
        made = (
            functional.linear(z_BL, self.encoder.weight.t()) if self.decoder is None else self.decoder(z_BL)
        )
        error = functional.mse_loss(made + self.decoder_bias, x_BD)
        penalty = self._form.sparsity_coef * z_BL.abs().mean()
        return Figures(error + penalty, error, penalty, (z_BL > 0).sum(1).to(x_BD.dtype).mean())


class TopKAutoencoder(nn.Module):
    """The k largest latents; the loss is a share of the variance, dead latents reconstruct what is left."""

    idle: Tensor

    def __init__(self, form: Architecture, variance: float, aux_coef: float, dead_after: int) -> None:
        super().__init__()
        self._form, self._variance = form, variance
        self._aux_coef, self._dead_after = aux_coef, dead_after
        self.encoder = nn.Linear(form.n_features, form.n_latents)
        self.decoder_bias = nn.Parameter(torch.zeros(form.n_features))
        self.decoder = nn.Linear(form.n_latents, form.n_features, bias=False)
        self.register_buffer("idle", torch.zeros(form.n_latents, dtype=torch.int64))

    def forward(self, x_BD: Tensor) -> Figures:
        """Return the figures of a batch; in training, count how long latents have been idle."""
        h_BL = self.encoder(x_BD - self.decoder_bias)
        z_BL = _largest(h_BL, self._form.k)
        made = self.decoder(z_BL) + self.decoder_bias
        share = 1 / (len(x_BD) * self._variance)
        error = (made - x_BD).square().sum() * share
        auxiliary = self._auxiliary(h_BL, (x_BD - made).detach()) * share if self.training else error * 0
        active = z_BL > 0
        if self.training:
            self.idle += len(x_BD)
            self.idle[active.any(0)] = 0
        return Figures(error + auxiliary, error, auxiliary, active.sum(1).to(x_BD.dtype).mean())

    def _auxiliary(self, h_BL: Tensor, rest_BD: Tensor) -> Tensor:
        dead = self.idle >= self._dead_after
        if not self._aux_coef or not dead.any():
            return rest_BD.new_zeros(())
        z = _largest(h_BL[:, dead], min(int(dead.sum()), max(1, self._form.n_features // 2)))
        made = functional.linear(z, self.decoder.weight[:, dead])
        return self._aux_coef * (made - rest_BD).square().sum()


Network = L1Autoencoder | TopKAutoencoder


def _largest(h_BL: Tensor, k: int) -> Tensor:
    values, places = h_BL.topk(k, dim=1)
    return torch.zeros_like(h_BL).scatter(1, places, functional.relu(values))


@torch.no_grad()
def put(parameters: Parameters, network: Network) -> None:
    """Give a network the parameters that our own loop would start with."""
    network.encoder.weight.copy_(parameters["W_enc"])
    network.encoder.bias.copy_(parameters["b_enc"])
    network.decoder_bias.copy_(parameters["b_dec"])
    if network.decoder is not None:
        network.decoder.weight.copy_(parameters["W_dec"].t())
        if network.decoder.bias is not None:
            network.decoder.bias.copy_(parameters["b_out"])


def parameters_of(state: dict[str, Tensor]) -> Parameters:
    """Return the parameters in a network's state dict, in the names of our own loop."""
    parameters = {"W_enc": state["encoder.weight"], "b_enc": state["encoder.bias"]}
    parameters["b_dec"] = state["decoder_bias"]
    if "decoder.weight" in state:
        parameters["W_dec"] = state["decoder.weight"].t().contiguous()
    if "decoder.bias" in state:
        parameters["b_out"] = state["decoder.bias"]
    return {name: value.detach().cpu() for name, value in parameters.items()}
