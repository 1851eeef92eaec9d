"""Sparse autoencoders: our loop against the usual ways, with the same activations, latents, k and batches.

    python -m benchmarks.sae --quick
    python -m benchmarks.sae --features 384 --latents 16384 --json

One process an arm, one after the other.  `lightning` is the usual way: a LightningModule, a Trainer and a
DataLoader with its workers; `dense` is the same arithmetic in memory, without either; packages that are not
installed are named and left out.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import resource
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from trainers.sae import keep_pages
from trainers.sae.data import Scale
from trainers.sae.model.architecture import Architecture
from trainers.sae.model.dense import dense_loss
from trainers.sae.model.parameters import new_parameters
from trainers.sae.model.sparse import Weights
from trainers.sae.settings import Settings
from trainers.sae.training import Training

PEERS = {
    "lightning": "lightning",
    "sae_lens": "sae-lens",
    "sparsify": "eai-sparsify",
    "dictionary_learning": "dictionary-learning",
}
OURS = ("topk", "batchtopk", "jumprelu", "matryoshka", "hierarchical")
WARM_UP = 3


def activations(rows: int, features: int) -> Tensor:
    """Return sums of a few of many directions, as activations are."""
    generator = torch.Generator().manual_seed(0)
    directions = torch.randn(4 * features, features, generator=generator)
    active = torch.rand(rows, 4 * features, generator=generator) < 16 / (4 * features)
    return active.float() @ directions / features**0.5


def ours(kind: Any, asked: argparse.Namespace) -> Callable[[Tensor], object]:
    """Return a step of our own loop."""
    keep_pages()
    x = activations(asked.batch, asked.features)
    scale = Scale(1.0, x.mean(0), float((x - x.mean(0)).square().sum(1).mean()))
    settings = Settings(
        architecture=kind, latent_dim=asked.latents, k=asked.k, batch_size=asked.batch, normalise=False
    )
    training = Training(settings, scale, torch.device("cpu"))
    print(training.prepare(x), file=sys.stderr)

    def step(x_BD: Tensor) -> None:
        training.gather(x_BD)
        training.update(1e-4)

    return step


def dense(kind: Any, asked: argparse.Namespace) -> Callable[[Tensor], Tensor]:
    """Return a step by automatic differentiation through dense matrices."""
    module = Dense(kind, asked)
    optimizer = torch.optim.AdamW(module.parameters(), lr=1e-4, fused=True)

    def step(x_BD: Tensor) -> Tensor:
        optimizer.zero_grad()
        loss: Tensor = module(x_BD)
        loss.backward()
        optimizer.step()
        return loss

    return step


class Dense(nn.Module):
    """An autoencoder as a module."""

    def __init__(self, kind: Any, asked: argparse.Namespace) -> None:
        super().__init__()
        self.form = Architecture(kind, asked.features, asked.latents, asked.k)
        drawn = new_parameters(self.form, torch.zeros(asked.features), torch.Generator().manual_seed(0))
        self.weights = nn.ParameterDict(drawn)

    def forward(self, x_BD: Tensor) -> Tensor:
        """Return the loss of a batch."""
        return dense_loss(self.form, dict(self.weights), x_BD, Weights(1 / x_BD.numel()))


def lightning_seconds(kind: Any, asked: argparse.Namespace, x: Tensor) -> float:
    """Return the seconds of a step of Lightning's Trainer with a DataLoader."""
    import lightning

    times: list[float] = []

    class Module(lightning.LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.inner = Dense(kind, asked)

        def training_step(self, batch: Sequence[Tensor], _: int) -> Tensor:
            times.append(time.perf_counter())
            loss: Tensor = self.inner(batch[0])
            self.log("train_loss", loss)
            return loss

        def configure_optimizers(self) -> torch.optim.Optimizer:
            return torch.optim.AdamW(self.parameters(), lr=1e-4)

    loader = torch.utils.data.DataLoader(
        torch.utils.data.TensorDataset(x), asked.batch, shuffle=True, num_workers=2, persistent_workers=True
    )
    trainer = lightning.Trainer(
        max_steps=asked.steps + WARM_UP + 1,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.fit(Module(), loader)
    return (times[-1] - times[WARM_UP]) / (len(times) - 1 - WARM_UP)


def seconds(step: Callable[[Tensor], object], asked: argparse.Namespace, x: Tensor) -> float:
    """Return the seconds of a step."""
    times, generator = [], torch.Generator().manual_seed(0)
    for _ in range(asked.steps + WARM_UP):
        rows = torch.randint(len(x), (asked.batch,), generator=generator)
        started = time.perf_counter()
        step(x[rows])
        times.append(time.perf_counter() - started)
    return sum(times[WARM_UP:]) / asked.steps


def run_arm(asked: argparse.Namespace) -> dict[str, Any]:
    """Measure one arm in this process."""
    warnings.simplefilter("ignore")
    way, _, kind = asked.arm.partition(":")
    x = activations(asked.batch * (asked.steps + WARM_UP + 2), asked.features)
    if way == "lightning":
        took = lightning_seconds(kind, asked, x)
    else:
        took = seconds({"ours": ours, "dense": dense}[way](kind, asked), asked, x)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {
        "arm": asked.arm,
        "tokens_per_second": asked.batch / took,
        "step_ms": took * 1e3,
        "peak_MiB": peak,
    }


def arms() -> list[str]:
    """Return what is measured, the usual ways first."""
    found = [
        *("lightning:topk", "dense:topk"),
        *(f"ours:{kind}" for kind in OURS),
        *("lightning:relu", "dense:relu", "ours:relu"),
    ]
    has_lightning = importlib.util.find_spec("lightning") is not None
    return [arm for arm in found if has_lightning or not arm.startswith("lightning:")]


def ratios(results: Sequence[dict[str, Any]]) -> dict[str, float]:
    """Return each comparison as a rate over a rate: with the usual ways, and with our TopK."""
    rate = {result["arm"]: result["tokens_per_second"] for result in results}
    pairs = [
        *((f"ours:{kind}", f"{way}:{kind}") for kind in ("topk", "relu") for way in ("lightning", "dense")),
        *((f"ours:{kind}", "ours:topk") for kind in OURS if kind != "topk"),
    ]
    known = [(ours, other) for ours, other in pairs if ours in rate and other in rate]
    return {f"{ours} over {other}": round(rate[ours] / rate[other], 3) for ours, other in known}


def main(argv: Sequence[str] | None = None) -> int:
    """Measure every arm, print a table, and return the exit code."""
    parser = argparse.ArgumentParser("python -m benchmarks.sae", description=__doc__)
    for name, default in (("features", 384), ("latents", 16_384), ("k", 32), ("batch", 512), ("steps", 10)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--quick", action="store_true", help="smaller sizes, under a minute")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON, the table to stderr")
    parser.add_argument("--arm", help=argparse.SUPPRESS)
    asked = parser.parse_args(argv)
    if asked.quick:
        asked.features, asked.latents, asked.batch, asked.steps = 256, 8192, 256, 3
    if asked.arm:
        print(json.dumps(run_arm(asked)))
        return 0
    figures = measured(asked)
    if asked.json:
        print(json.dumps(figures, indent=2))
    return 0


def measured(asked: argparse.Namespace) -> dict[str, Any]:
    """Run all arms, each in a process of its own."""
    table = sys.stderr if asked.json else sys.stdout
    sizes = {name: getattr(asked, name) for name in ("features", "latents", "k", "batch", "steps")}
    words = [word for name, value in sizes.items() for word in (f"--{name}", str(value))]
    print("  ".join(f"{name} {value}" for name, value in sizes.items()), file=table)
    results = []
    for arm in arms():
        argument = [sys.executable, "-m", "benchmarks.sae", "--arm", arm, *words]
        done = subprocess.run(argument, capture_output=True, text=True, check=True)
        results.append(json.loads(done.stdout.splitlines()[-1]))
        print(_row(results[-1]), file=table, flush=True)
    missing = [package for module, package in PEERS.items() if not importlib.util.find_spec(module)]
    print(f"not installed, not measured: {', '.join(missing) or 'none'}", file=table)
    return {**sizes, "arms": results, "ratios": ratios(results), "not_installed": missing}


def _row(result: dict[str, Any]) -> str:
    row = "{arm:20} {tokens_per_second:10.0f} tokens/s {step_ms:9.1f} ms {peak_MiB:7.0f} MiB"
    return row.format(**result)


if __name__ == "__main__":
    sys.exit(main())
