"""The ways to train a network for tables that `benchmarks.tabular` compares."""

from __future__ import annotations

import importlib.util
import statistics
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

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


@dataclass(frozen=True)
class Case:
    """A network that is measured."""

    name: str
    hidden: int = 0
    """Units of its hidden layers; 0 for the usual ones."""

    @property
    def label(self) -> str:
        """What it is called in the table."""
        return f"{self.name} of {self.hidden}" if self.hidden else self.name

    @property
    def spec(self) -> ModelSpec:
        """Our own network."""
        return ModelSpec(self.name, COLUMNS, PROBLEM, {"hidden": self.hidden} if self.hidden else {})


CASES = [*map(Case, MODELS), Case("mlp", 128)]


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


def step_times(case: Case, steps: int, rounds: int) -> Mapping[str, float]:
    """Return the seconds of a step of each way; of stacked members those of a step of one of them."""
    epochs = _arms(case, steps)
    for epoch in epochs.values():
        epoch()  # what is done once
    taken: dict[str, list[float]] = {arm: [] for arm in epochs}

    def one_round() -> None:
        for arm, epoch in epochs.items():
            started = time.perf_counter()
            epoch()
            taken[arm].append((time.perf_counter() - started) / steps)

    if has_lightning():
        taken["lightning"] = _lightning(case, steps, rounds, one_round)
    else:
        for _ in range(rounds):
            one_round()
    order = ("lightning", "plain", "ours", "stacked")
    seconds = {arm: statistics.median(taken[arm]) for arm in order if arm in taken}
    return {arm: value / (STACKED if arm == "stacked" else 1) for arm, value in seconds.items()}


def _arms(case: Case, steps: int) -> dict[str, Epoch]:
    examples, spec, name = rows((steps + 1) * BATCH), case.spec, case.name
    options = Options.of(recipe(name, PROBLEM), epochs=1000, batch_size=BATCH)
    own = members(name, STACKED, steps * BATCH, BATCH)
    single = Stack(spec, own[:1], examples, options)
    arms: dict[str, Epoch] = {"plain": _plain(case, examples, steps), "ours": lambda: single.epoch(1)}
    if MODELS[name].gains_on_cpu:
        together = Stack(spec, own, examples, options)
        arms["stacked"] = lambda: together.epoch(1)
    return arms


def _plain(case: Case, examples: Examples, steps: int) -> Epoch:
    network, own = usual_network(case, examples.numeric), recipe(case.name, PROBLEM)
    optimizer = usual_optimizer(case.name, network)

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


def _lightning(case: Case, steps: int, rounds: int, between: Epoch) -> list[float]:
    """Train by Lightning's Trainer, with an epoch of every other way between two of its own."""
    warnings.simplefilter("ignore")
    import lightning

    examples, own, times = rows(steps * BATCH), recipe(case.name, PROBLEM), []
    network = usual_network(case, examples.numeric)

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
            return usual_optimizer(case.name, self.inner)

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


def usual_network(case: Case, numeric: Tensor) -> nn.Module:
    """Return a network of the same sizes put together from torch's own layers, where it has them."""
    if case.name == "mlp":
        return UsualMlp(case.hidden or 512)
    if case.name == "realmlp":
        return UsualRealMlp()
    if case.name == "transformer":
        return UsualTransformer()
    if case.name == "tabular_transformer":
        return UsualTabularTransformer()
    return NumbersAlone(build(case.spec, numeric).train())


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

    def __init__(self, units: int) -> None:
        super().__init__()
        self.embedding = nn.Linear(1, 64)
        hidden = [layer for _ in range(3) for layer in (nn.Linear(units, units), nn.ReLU())]
        self.layers = nn.Sequential(nn.Linear(19 * 64, units), nn.ReLU(), *hidden, nn.Linear(units, 1))

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
        self.encoder = _usual_encoder()
        narrow = [nn.Linear(512, 256), nn.ReLU(), nn.Linear(256, 1)]
        self.head = nn.Sequential(nn.LayerNorm(128), nn.Linear(128, 512), nn.ReLU(), *narrow)

    def forward(self, numeric: Tensor) -> Tensor:
        """Return [N, 1]."""
        x = self.embedding(numeric.unsqueeze(-1)) + self.positions
        x = torch.cat([self.read_out.expand(len(x), -1, -1), x], 1)
        outputs: Tensor = self.head(self.encoder(x)[:, 0])
        return outputs


class UsualTabularTransformer(nn.Module):
    """The tabular transformer with torch's encoder, and an embedding for each column one after the other."""

    def __init__(self) -> None:
        super().__init__()
        embeddings = (nn.Sequential(nn.Linear(1, 128), nn.LayerNorm(128)) for _ in range(19))
        self.embeddings = nn.ModuleList(embeddings)
        self.encoder = _usual_encoder()
        self.attention = nn.Linear(128, 1)
        narrow = [nn.Linear(512, 256), nn.ReLU(), nn.Linear(256, 1)]
        self.head = nn.Sequential(nn.Linear(128, 512), nn.LayerNorm(512), nn.ReLU(), *narrow)

    def forward(self, numeric: Tensor) -> Tensor:
        """Return [N, 1]."""
        columns = zip(self.embeddings, numeric.split(1, 1), strict=True)
        x = self.encoder(torch.stack([embedding(column) for embedding, column in columns], 1))
        outputs: Tensor = self.head((self.attention(x).softmax(1) * x).sum(1))
        return outputs


def _usual_encoder() -> nn.Module:
    layer = nn.TransformerEncoderLayer(128, 4, 512, 0.1, batch_first=True, norm_first=True)
    return nn.TransformerEncoder(layer, 3, enable_nested_tensor=False)
