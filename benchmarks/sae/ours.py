"""Our own loop, dense matrices in memory, and the usual way with Lightning, as arms."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from trainers.common.activations.rows import ResidentRows
from trainers.sae import keep_pages
from trainers.sae.data import Examples, Scale
from trainers.sae.loop import plan_of
from trainers.sae.model.architecture import Architecture
from trainers.sae.model.dense import dense_loss
from trainers.sae.model.encoder import inference_codes
from trainers.sae.model.parameters import decoder_of, new_parameters, output_bias
from trainers.sae.model.sparse import Weights
from trainers.sae.rates import base_rate, rate_at
from trainers.sae.settings import PRESETS, WORKERS, Settings, settings_of
from trainers.sae.training import Training

WARM_UP = 3
"""Steps that are not timed."""


def settings_for(kind: str, asked: argparse.Namespace) -> Settings:
    """Return the settings of an arm: a preset by its name, or an architecture with the sizes asked for."""
    if kind in PRESETS:
        return settings_of(kind, {})
    return Settings(
        architecture=kind,  # type: ignore[arg-type]
        latent_dim=asked.latents,
        k=asked.k,
        batch_size=asked.batch,
        learning_rate=asked.rate,
        normalise=False,
        seed=asked.seed,
    )


def scale_for(x_ND: Tensor) -> Scale:
    """Return the statistics of activations that are not scaled."""
    mean = x_ND.mean(0)
    return Scale(1.0, mean, float((x_ND - mean).square().sum(1).mean()))


class Ours:
    """Our own loop."""

    def __init__(self, kind: str, asked: argparse.Namespace) -> None:
        keep_pages()
        self._settings, self._steps, self._done = settings_for(kind, asked), asked.steps, 0
        self._device = torch.device(asked.device)
        self._training: Training | None = None

    def step(self, x_BD: Tensor) -> None:
        """Train on a batch."""
        if self._training is None:
            self._training = Training(self._settings, scale_for(x_BD.cpu()), self._device)
            print(self._training.prepare(x_BD), file=sys.stderr)
        for part in x_BD.chunk(self._settings.accumulate):
            self._training.gather(part)
        rate = base_rate(self._settings, len(x_BD))
        self._training.update(rate_at(self._settings, rate, self._done, self._steps, self._steps))
        self._done += 1

    @torch.no_grad()
    def codes(self, x_BD: Tensor) -> tuple[Tensor, Tensor]:
        """Return what it makes of a batch, and which latents are active."""
        assert self._training is not None
        form, parameters = self._training.form, self._training.parameters
        found = inference_codes(form, parameters, x_BD, self._training.threshold)
        active = torch.zeros(found.shape, dtype=torch.bool)
        active[found.rows, found.columns] = found.values > 0
        return found.decoded(decoder_of(parameters)) + output_bias(parameters), active


class Plain(Ours):
    """Our own loop by torch's own kernels."""

    def __init__(self, kind: str, asked: argparse.Namespace) -> None:
        super().__init__(kind, asked)
        self._settings = replace(self._settings, kernels="plain")


class Dense(nn.Module):
    """Automatic differentiation through dense matrices, in memory."""

    def __init__(self, kind: Any, asked: argparse.Namespace) -> None:
        super().__init__()
        self.form = Architecture(kind, asked.features, asked.latents, asked.k)
        drawn = new_parameters(self.form, torch.zeros(asked.features), torch.Generator().manual_seed(0))
        drawn = {name: value.to(asked.device) for name, value in drawn.items()}
        self.weights = nn.ParameterDict(drawn)
        self._optimizer = torch.optim.AdamW(self.parameters(), lr=asked.rate, fused=True)

    def step(self, x_BD: Tensor) -> None:
        """Train on a batch."""
        self._optimizer.zero_grad()
        dense_loss(self.form, dict(self.weights), x_BD, Weights(1 / x_BD.numel())).backward()
        self._optimizer.step()


class Compiled(Dense):
    """The same compiled by torch, with products in bfloat16: what a good dense loop is."""

    def __init__(self, kind: Any, asked: argparse.Namespace) -> None:
        super().__init__(kind, asked)
        self._device, self._loss = torch.device(asked.device), torch.compile(self._dense_topk)

    def step(self, x_BD: Tensor) -> None:
        """Train on a batch."""
        self._optimizer.zero_grad()
        with torch.autocast(self._device.type, torch.bfloat16):
            loss = self._loss(x_BD)
        loss.backward()
        self._optimizer.step()

    def _dense_topk(self, x_BD: Tensor) -> Tensor:
        weights = self.weights
        h = torch.addmm(weights["b_enc"], x_BD - weights["b_dec"], weights["W_enc"].t())
        top = torch.topk(h, self.form.k, dim=1, sorted=False)
        z = torch.zeros_like(h).scatter(1, top.indices, top.values.relu())
        return ((z @ weights["W_dec"] + weights["b_dec"]).float() - x_BD).square().mean()


def lightning_seconds(kind: str, asked: argparse.Namespace, x_ND: Tensor) -> float:
    """Return the seconds of a step of the Lightning engine; a preset by its name has its own precision."""
    from lightning.pytorch import Callback

    from trainers.sae.with_lightning import fitting
    from trainers.sae.with_lightning.module import SaeModule

    times: list[float] = []

    class Clock(Callback):
        def on_train_batch_start(self, *_: Any) -> None:
            times.append(time.perf_counter())

    settings = settings_for(kind, asked)
    if kind not in PRESETS:
        settings = replace(settings, precision="float32", clip_norm=0.0)
    batch, parts = settings.batch_size or asked.batch, settings.accumulate
    # Nothing is validated: that is no part of a step.
    settings = replace(settings, engine="lightning", max_steps=asked.steps + WARM_UP + 1, patience=0)
    device = torch.device(asked.device)
    training = Training(settings, scale_for(x_ND[:batch]), device)
    none = torch.empty(0, dtype=torch.int64)
    examples = Examples(ResidentRows(x_ND), none, x_ND[:batch], x_ND[:batch])
    with tempfile.TemporaryDirectory() as folder:
        plan = plan_of(settings, len(x_ND), batch, {}, Path(folder))
        module = SaeModule(fitting.network_of(training, plan), plan, asked.rate, 1.0)
        trainer = fitting.new_trainer(plan, device, [Clock()])
        trainer.fit(module, fitting.loaders_of(plan, examples, WORKERS.get(kind, 2))[0])
    return (times[-1] - times[WARM_UP * parts]) / (len(times) - 1 - WARM_UP * parts) * parts


OURS: dict[str, Any] = {"ours": Ours, "plain": Plain, "dense": Dense, "compiled": Compiled}
