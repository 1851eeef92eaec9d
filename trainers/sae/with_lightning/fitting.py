"""A training by Lightning's Trainer, from the same start and in the same order as by our own loop."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from lightning.fabric.utilities.warnings import PossibleUserWarning
from lightning.pytorch import Trainer
from lightning.pytorch.callbacks import Callback, EarlyStopping, ModelCheckpoint
from torch.utils.data import DataLoader, Sampler, TensorDataset

from trainers.common.activations.rows import ResidentRows
from trainers.common.files import read_tensors
from trainers.sae.data import Examples
from trainers.sae.fitted import Fitted
from trainers.sae.loop import Plan, Progress
from trainers.sae.rates import base_rate
from trainers.sae.records import Records
from trainers.sae.training import Training
from trainers.sae.with_lightning.module import SaeModule, Telling
from trainers.sae.with_lightning.networks import L1Autoencoder, Network, TopKAutoencoder, parameters_of, put

PRECISIONS = {"float32": "32-true", "bfloat16": "bf16-mixed", "float64": "64-true"}
NOISE = (FutureWarning, DeprecationWarning, PossibleUserWarning)
"""What Lightning warns of that its own developers or a recipe of other settings could change."""


class EpochOrder(Sampler[int]):
    """The order in which our own loop visits the examples; whole steps only."""

    def __init__(self, examples: Examples, plan: Plan) -> None:
        self._examples, self._seed, self._epoch = examples, plan.settings.seed, 0
        self._rows = plan.steps_an_epoch * plan.batch * plan.settings.accumulate

    def set_epoch(self, epoch: int) -> None:
        """Take the order of an epoch; Lightning calls it before each one."""
        self._epoch = epoch

    def __iter__(self) -> Iterator[int]:
        return iter(self._examples.order(self._seed, self._epoch).rows[: self._rows].tolist())

    def __len__(self) -> int:
        return self._rows


def fit(
    plan: Plan, training: Training, examples: Examples, told: tuple[Records, Progress], workers: int
) -> Fitted:
    """Train from the parameters that `training` has, whatever a killed attempt left.

    `workers`: processes of the DataLoader.
    """
    for left in plan.checkpoints.glob("*.ckpt"):  # Lightning cannot go on in the middle of an order
        left.unlink()
    rate = base_rate(plan.settings, plan.batch * plan.settings.accumulate)
    module = SaeModule(network_of(training, plan), plan, rate, training.scale.factor)
    best = ModelCheckpoint(
        plan.checkpoints,
        "step_{step:08}",
        monitor="val_loss",
        save_top_k=max(1, plan.settings.keep_checkpoints),
        auto_insert_metric_name=False,
    )
    telling = Telling(plan, *told)
    with _quiet():
        trainer = new_trainer(plan, training.threshold.device, [telling, best])
        loaders = loaders_of(plan, examples, workers)
        trainer.fit(module, *loaders)
        if not best.best_model_path:  # it ended before its first validation
            trainer.validate(module, loaders[1], verbose=False)
            best.best_model_path = str(plan.checkpoints / "step_last.ckpt")
            trainer.save_checkpoint(best.best_model_path)
    return _fitted(plan, trainer, Path(best.best_model_path), rate)


def network_of(training: Training, plan: Plan) -> Network:
    """Return the network with the parameters of our own loop."""
    form, settings = training.form, plan.settings
    network: Network = (
        TopKAutoencoder(form, training.scale.variance, settings.aux_coef, settings.dead_after)
        if form.is_selective
        else L1Autoencoder(form)
    )
    network.to(training.scale.mean_D.dtype)
    put(training.parameters, network)
    return network


def new_trainer(plan: Plan, device: torch.device, callbacks: list[Callback]) -> Trainer:
    """Return the Trainer of the usual recipe; what shows and what is logged is ours."""
    settings = plan.settings
    stopping = [EarlyStopping("val_loss", patience=settings.patience)] if settings.patience else []
    options: dict[str, Any] = {
        "max_epochs": -(-plan.steps // plan.steps_an_epoch),
        "max_steps": settings.max_steps or -1,
        "accelerator": "gpu" if device.type == "cuda" else device.type,
        "devices": [device.index or 0] if device.type == "cuda" else 1,
        "precision": precision_of(settings.precision, device),
        "accumulate_grad_batches": settings.accumulate,
        "gradient_clip_val": settings.clip_norm or None,
        "val_check_interval": 1 / settings.val_per_epoch,
        "num_sanity_val_steps": 2,
        "reload_dataloaders_every_n_epochs": 0,
        "sync_batchnorm": False,
        "deterministic": False,
        "benchmark": True,
        "log_every_n_steps": 10,
    }
    options |= {"logger": False, "enable_progress_bar": False, "enable_model_summary": False}
    # Lightning would write checkpoints of its own into the folder that it runs in.
    keeps = any(isinstance(one, ModelCheckpoint) for one in callbacks)
    options |= {"enable_checkpointing": keeps}
    return Trainer(**options, callbacks=[*callbacks, *stopping])


def precision_of(precision: str, device: torch.device) -> str:
    """Return Lightning's name of a precision; `auto` is 16-mixed, on a CPU what Lightning makes of that."""
    mixed = "bf16-mixed" if device.type == "cpu" else "16-mixed"
    return PRECISIONS.get(precision, mixed)


def loaders_of(plan: Plan, examples: Examples, workers: int) -> tuple[DataLoader, DataLoader]:
    assert isinstance(examples.rows, ResidentRows)
    options: dict[str, Any] = {"batch_size": plan.batch, "pin_memory": torch.cuda.is_available()}
    if workers:
        options |= {"num_workers": workers, "persistent_workers": True, "prefetch_factor": 2}
    train = DataLoader(
        TensorDataset(examples.rows.x_ND), sampler=EpochOrder(examples, plan), drop_last=True, **options
    )
    return train, DataLoader(TensorDataset(examples.held_out), **options)


def _fitted(plan: Plan, trainer: Trainer, path: Path, rate: float) -> Fitted:
    state = read_tensors(path)["state_dict"]
    own = {name.removeprefix("network."): value for name, value in state.items()}
    figures = {name: float(value) for name, value in trainer.callback_metrics.items()}
    return Fitted(
        parameters=parameters_of(own),
        threshold=torch.zeros((), dtype=own["encoder.weight"].dtype),
        epoch=plan.epoch_of(trainer.global_step),
        steps=trainer.global_step,
        rate=rate,
        train_loss=figures.get("train_loss"),
        val_loss=figures["val_loss"],
    )


@contextmanager
def _quiet() -> Iterator[None]:
    """Leave out what Lightning says of itself: what the training says is told by us."""
    logger = logging.getLogger("lightning.pytorch")
    level = logger.level
    logger.setLevel(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings(
                "ignore", "Checkpoint directory .* is not empty"
            )  # others' files lie there
            for kind in NOISE:
                warnings.simplefilter("ignore", kind)
            yield
    finally:
        logger.setLevel(level)
