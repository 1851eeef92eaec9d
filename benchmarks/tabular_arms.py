"""The ways to train a network for tables that `benchmarks.tabular` compares."""

from __future__ import annotations

import importlib.util
import statistics
import time
import warnings
from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from trainers.tabular.data.dataset import Columns, Problem
from trainers.tabular.models.registry import MODELS, ModelSpec, build, recipe
from trainers.tabular.training.members import Examples, Member, Options
from trainers.tabular.training.stack import Stack

COLUMNS = Columns(tuple(f"x{number}" for number in range(19)))
PROBLEM = Problem("regression", ("y",))
BATCH = 256
STACKED = 8
WORKERS = 2
"""Of the DataLoader."""

Epoch = Callable[[], object]


def has_lightning() -> bool:
    """Return whether Lightning is installed."""
    return importlib.util.find_spec("lightning") is not None


def rows(count: int, seed: int = 0) -> Examples:
    """Return made rows: Friedman's function of the first five of nineteen columns, scaled, and noise."""
    generator = torch.Generator().manual_seed(seed)
    x = torch.rand(count, len(COLUMNS.numeric), generator=generator)
    y = 10 * (torch.pi * x[:, 0] * x[:, 1]).sin() + 20 * (x[:, 2] - 0.5).square() + 10 * x[:, 3] + 5 * x[:, 4]
    y = (y - y.mean()) / y.std() + 0.1 * torch.randn(count, generator=generator)
    return Examples((x - 0.5) * 12**0.5, torch.zeros(count, 0, dtype=torch.int64), y.unsqueeze(1))


def members(name: str, count: int, train: int, val: int) -> list[Member]:
    """Return members by the recipe of a network."""
    own = recipe(name, PROBLEM)
    shared = (own.learning_rate, own.weight_decay, own.clip_norm)
    index = torch.arange(train + val)
    return [Member(seed, *shared, index[:train], index[train:]) for seed in range(count)]


def step_times(name: str, steps: int, rounds: int) -> Mapping[str, float]:
    """Return the seconds of a step of each way; of stacked members those of a step of one of them."""
    epochs = _arms(name, steps)
    for epoch in epochs.values():
        epoch()  # what is done once
    taken: dict[str, list[float]] = {arm: [] for arm in epochs}

    def one_round() -> None:
        for arm, epoch in epochs.items():
            started = time.perf_counter()
            epoch()
            taken[arm].append((time.perf_counter() - started) / steps)

    if has_lightning():
        taken["lightning"] = _lightning(name, steps, rounds, one_round)
    else:
        for _ in range(rounds):
            one_round()
    order = ("lightning", "plain", "ours", "stacked")
    seconds = {arm: statistics.median(taken[arm]) for arm in order if arm in taken}
    return {arm: value / (STACKED if arm == "stacked" else 1) for arm, value in seconds.items()}


def _arms(name: str, steps: int) -> dict[str, Epoch]:
    examples, spec = rows((steps + 1) * BATCH), ModelSpec(name, COLUMNS, PROBLEM)
    options = Options.of(recipe(name, PROBLEM), epochs=1000, batch_size=BATCH)
    own = members(name, STACKED, steps * BATCH, BATCH)
    single = Stack(spec, own[:1], examples, options)
    arms: dict[str, Epoch] = {"plain": _plain(name, examples, steps), "ours": lambda: single.epoch(1)}
    if MODELS[name].gains_on_cpu:
        together = Stack(spec, own, examples, options)
        arms["stacked"] = lambda: together.epoch(1)
    return arms


def _plain(name: str, examples: Examples, steps: int) -> Epoch:
    network, own = usual_network(name, examples.numeric), recipe(name, PROBLEM)
    optimizer = usual_optimizer(name, network)

    def epoch() -> None:
        order = torch.randperm(steps * BATCH)
        for index in order.split(BATCH):
            optimizer.zero_grad()
            loss = usual_loss(network(examples.numeric[index]), examples.targets[index])
            loss.backward()
            if own.clip_norm:
                nn.utils.clip_grad_norm_(network.parameters(), own.clip_norm)
            optimizer.step()

    return epoch


def _lightning(name: str, steps: int, rounds: int, between: Epoch) -> list[float]:
    """Train by Lightning's Trainer, with an epoch of every other way between two of its own."""
    warnings.simplefilter("ignore")
    import lightning

    examples, own, times = rows(steps * BATCH), recipe(name, PROBLEM), []
    network = usual_network(name, examples.numeric)

    class Module(lightning.LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.inner, self.started = network, 0.0

        def training_step(self, batch: Sequence[Tensor], _: int) -> Tensor:
            loss = usual_loss(self.inner(batch[0]), batch[1])
            self.log("train_loss", loss)
            return loss

        def on_train_epoch_start(self) -> None:
            self.started = time.perf_counter()

        def on_train_epoch_end(self) -> None:
            if self.current_epoch:  # the first one starts the workers
                times.append((time.perf_counter() - self.started) / steps)
                between()

        def configure_optimizers(self) -> torch.optim.Optimizer:
            return usual_optimizer(name, self.inner)

    loader = torch.utils.data.DataLoader(
        torch.utils.data.TensorDataset(examples.numeric, examples.targets),
        BATCH,
        shuffle=True,
        num_workers=WORKERS,
        persistent_workers=True,
    )
    quiet = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False}
    trainer = lightning.Trainer(
        max_epochs=rounds + 1,
        accelerator="cpu",
        gradient_clip_val=own.clip_norm or None,
        enable_model_summary=False,
        **quiet,
    )
    trainer.fit(Module(), loader)
    return times


def usual_optimizer(name: str, network: nn.Module) -> torch.optim.Optimizer:
    """Return torch's fastest AdamW with the recipe of a network."""
    own = recipe(name, PROBLEM)
    return torch.optim.AdamW(
        network.parameters(), own.learning_rate, own.betas, weight_decay=own.weight_decay, fused=True
    )


def usual_loss(outputs: Tensor, targets: Tensor) -> Tensor:
    """Return the mean squared error; of predictions that are trained apart, of each of them."""
    if outputs.dim() == 3:
        targets = targets.unsqueeze(1).expand(-1, outputs.shape[1], -1)
    return functional.mse_loss(outputs, targets)


def usual_network(name: str, numeric: Tensor) -> nn.Module:
    """Return a network of the same sizes put together from torch's own layers, where it has them."""
    if name == "mlp":
        return UsualMlp()
    if name == "realmlp":
        return UsualRealMlp()
    if name == "transformer":
        return UsualTransformer()
    return NumbersAlone(build(ModelSpec(name, COLUMNS, PROBLEM), numeric).train())


class NumbersAlone(nn.Module):
    """One of our networks, without categories."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, numeric: Tensor) -> Tensor:
        """Return the outputs."""
        outputs: Tensor = self.inner(numeric, torch.zeros(len(numeric), 0, dtype=torch.int64))
        return outputs


class UsualMlp(nn.Module):
    """One embedding for all columns, then layers over them side by side."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Linear(1, 64)
        hidden = [layer for _ in range(3) for layer in (nn.Linear(512, 512), nn.ReLU())]
        self.layers = nn.Sequential(nn.Linear(19 * 64, 512), nn.ReLU(), *hidden, nn.Linear(512, 1))

    def forward(self, numeric: Tensor) -> Tensor:
        """Return [N, 1]."""
        outputs: Tensor = self.layers(self.embedding(numeric.unsqueeze(-1)).flatten(1))
        return outputs


class UsualRealMlp(nn.Module):
    """RealMLP with torch's linear layers and Mish."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(19))
        hidden = [layer for _ in range(2) for layer in (nn.Linear(256, 256), nn.Mish())]
        self.layers = nn.Sequential(nn.Linear(19, 256), nn.Mish(), *hidden, nn.Linear(256, 1))

    def forward(self, numeric: Tensor) -> Tensor:
        """Return [N, 1]."""
        outputs: Tensor = self.layers(numeric * self.scale)
        return outputs


class UsualTransformer(nn.Module):
    """The transformer with torch's encoder."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Sequential(nn.Linear(1, 128), nn.LayerNorm(128), nn.ReLU())
        self.positions = nn.Parameter(torch.randn(1, 19, 128) * 0.02)
        self.read_out = nn.Parameter(torch.randn(1, 1, 128) * 0.02)
        layer = nn.TransformerEncoderLayer(128, 4, 512, 0.1, batch_first=True, norm_first=True)
        self.encoder = nn.TransformerEncoder(layer, 3, enable_nested_tensor=False)
        narrow = [nn.Linear(512, 256), nn.ReLU(), nn.Linear(256, 1)]
        self.head = nn.Sequential(nn.LayerNorm(128), nn.Linear(128, 512), nn.ReLU(), *narrow)

    def forward(self, numeric: Tensor) -> Tensor:
        """Return [N, 1]."""
        x = self.embedding(numeric.unsqueeze(-1)) + self.positions
        x = torch.cat([self.read_out.expand(len(x), -1, -1), x], 1)
        outputs: Tensor = self.head(self.encoder(x)[:, 0])
        return outputs
