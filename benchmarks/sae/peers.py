"""Other packages as arms, trained as they train: they are imported where they are used.

Each runs in a process of an interpreter in which it is installed (`--peers-python`).
"""

from __future__ import annotations

import argparse
from typing import Any

import torch
from torch import Tensor

from trainers.sae.model.architecture import Architecture

WARM_UP, FALLING = 100, 0.2
"""Steps of warm-up and part of the steps over which the rate falls, where a package lets them be chosen."""


class SaeLens:
    """SAELens's training class and trainer."""

    def __init__(self, kind: str, asked: argparse.Namespace) -> None:
        from sae_lens import (
            BatchTopKTrainingSAE,
            BatchTopKTrainingSAEConfig,
            MatryoshkaBatchTopKTrainingSAE,
            MatryoshkaBatchTopKTrainingSAEConfig,
            TopKTrainingSAE,
            TopKTrainingSAEConfig,
        )
        from sae_lens.config import SAETrainerConfig
        from sae_lens.training.sae_trainer import SAETrainer

        pairs: dict[str, tuple[Any, Any]] = {
            "topk": (TopKTrainingSAE, TopKTrainingSAEConfig),
            "batchtopk": (BatchTopKTrainingSAE, BatchTopKTrainingSAEConfig),
            "matryoshka": (MatryoshkaBatchTopKTrainingSAE, MatryoshkaBatchTopKTrainingSAEConfig),
        }
        built, config = pairs[kind]
        nested = {"matryoshka_widths": Architecture("matryoshka", 1, asked.latents).prefixes()}
        sizes = {"d_in": asked.features, "d_sae": asked.latents, "k": asked.k}
        self.sae = built(config(**sizes, **(nested if kind == "matryoshka" else {})))
        trained = SAETrainerConfig(
            total_training_samples=asked.steps * asked.batch,
            train_batch_size_samples=asked.batch,
            lr=asked.rate,
            lr_end=asked.rate / 10,
            lr_warm_up_steps=min(WARM_UP, asked.steps // 10),
            lr_decay_steps=int(FALLING * asked.steps),
        )
        self._trainer = SAETrainer(trained, self.sae, iter(()))

    def step(self, x_BD: Tensor) -> None:
        """Train on a batch."""
        self._trainer._train_step(self.sae, x_BD)
        self._trainer.n_training_steps += 1

    @torch.no_grad()
    def codes(self, x_BD: Tensor) -> tuple[Tensor, Tensor]:
        """Return what it makes of a batch, and which latents are active."""
        z_BL = self.sae.eval().encode(x_BD)
        return self.sae.decode(z_BL), z_BL > 0


class DictionaryLearning:
    """Trainers of dictionary_learning."""

    def __init__(self, kind: str, asked: argparse.Namespace) -> None:
        from dictionary_learning.trainers.batch_top_k import BatchTopKTrainer
        from dictionary_learning.trainers.top_k import TopKTrainer

        self._done = 0
        built: Any = {"topk": TopKTrainer, "batchtopk": BatchTopKTrainer}[kind]
        self._trainer = built(
            steps=asked.steps,
            activation_dim=asked.features,
            dict_size=asked.latents,
            k=asked.k,
            layer=0,
            lm_name="",
            lr=asked.rate,
            warmup_steps=min(WARM_UP, asked.steps // 10),
            decay_start=int((1 - FALLING) * asked.steps),
            threshold_start_step=min(WARM_UP, asked.steps // 10),
            seed=asked.seed,
            device="cpu",
        )

    def step(self, x_BD: Tensor) -> None:
        """Train on a batch."""
        self._trainer.update(self._done, x_BD)
        self._done += 1

    @torch.no_grad()
    def codes(self, x_BD: Tensor) -> tuple[Tensor, Tensor]:
        """Return what it makes of a batch, and which latents are active."""
        z_BL = self._trainer.ae.encode(x_BD, use_threshold=False)
        return self._trainer.ae.decode(z_BL), z_BL > 0


class Sparsify:
    """sparsify's autoencoder with the steps of its trainer, which itself wants a language model."""

    def __init__(self, kind: str, asked: argparse.Namespace) -> None:
        from sparsify import SparseCoder, SparseCoderConfig

        self.sae = SparseCoder(asked.features, SparseCoderConfig(num_latents=asked.latents, k=asked.k))
        self._schedule: Any = None
        parameters = [{"params": self.sae.parameters(), "lr": asked.rate}]
        if kind == "adam":
            from transformers import get_linear_schedule_with_warmup

            self._optimizer: Any = torch.optim.Adam(parameters)
            warm = min(WARM_UP, asked.steps // 10)
            self._schedule = get_linear_schedule_with_warmup(self._optimizer, warm, asked.steps)
        else:
            from schedulefree import ScheduleFreeWrapper
            from sparsify.sign_sgd import SignSGD

            self._optimizer = ScheduleFreeWrapper(SignSGD(parameters), momentum=0.95)
            self._optimizer.train()
        self._begun = False

    def step(self, x_BD: Tensor) -> None:
        """Train on a batch."""
        if not self._begun:
            self.sae.b_dec.data, self._begun = x_BD.mean(0), True
        self.sae.set_decoder_norm_to_unit_norm()
        self.sae(x_BD).fvu.backward()
        self.sae.remove_gradient_parallel_to_decoder_directions()
        self._optimizer.step()
        self._optimizer.zero_grad()
        if self._schedule is not None:
            self._schedule.step()

    @torch.no_grad()
    def codes(self, x_BD: Tensor) -> tuple[Tensor, Tensor]:
        """Return what it makes of a batch, and which latents are active."""
        if self._schedule is None:
            self._optimizer.eval()  # the averaged weights
        found = self.sae(x_BD)
        active = torch.zeros(len(x_BD), self.sae.num_latents, dtype=torch.bool)
        return found.sae_out, active.scatter(1, found.latent_indices, found.latent_acts > 0)


PEERS: dict[str, Any] = {
    "sae_lens": SaeLens,
    "dictionary_learning": DictionaryLearning,
    "sparsify": Sparsify,
}
