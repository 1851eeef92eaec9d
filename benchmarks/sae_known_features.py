"""How well autoencoders find features that are known: F1 and MCC on synthetic activations.

    python -m benchmarks.sae_known_features [--features 1024] [--width 256] [--examples 200000] [--seeds 3]

Held-out examples of the same world score them.  What they are is in `trainers.sae.measures.known_features`.
`--kinds sae_lens:matryoshka sae_lens:batchtopk` are those of SAELens, in as many steps at the same rate,
where it is installed; they are saved as SAELens saves them, and read here.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
import torch

from benchmarks.sae.peers import SaeLens
from trainers.sae.evaluation import evaluate
from trainers.sae.files.loading import load_sae
from trainers.sae.files.saved import SavedSae
from trainers.sae.measures.known_features import World, draw, found, new_world
from trainers.sae.rates import base_rate
from trainers.sae.run import Request, train
from trainers.sae.settings import Settings

KINDS = ("relu", "topk", "batchtopk", "jumprelu", "matryoshka", "hierarchical")
THEIRS = ("sae_lens:batchtopk", "sae_lens:matryoshka")
BATCH = 512
SCORED = 20_000


def ours(kind: str, path: Path, flags: argparse.Namespace, seed: int, place: Path) -> tuple[SavedSae, float]:
    """Train an autoencoder of ours; return it, and what its examples have to be multiplied by."""
    plain = {"normalise": False, "learning_rate": 1e-3} if kind == "relu" else {}
    settings = Settings(
        architecture=kind,  # type: ignore[arg-type]
        latent_dim=flags.features,
        k=round(flags.active),
        max_epochs=flags.epochs,
        seed=seed,
        **plain,  # type: ignore[arg-type]
    )
    asked = Request(path, settings, place, place / "checkpoints", device="cpu", num_workers=2)
    return train(asked, lambda _: None, lambda *_, **__: None).sae, 1.0


def theirs(
    kind: str, path: Path, flags: argparse.Namespace, seed: int, place: Path
) -> tuple[SavedSae, float]:
    """Train one of SAELens in as many steps at the same rate, on activations that are scaled as ours are."""
    torch.manual_seed(seed)
    x = torch.from_numpy(np.load(path))
    factor = x.shape[1] ** 0.5 / float(x.norm(dim=1).mean())
    x = x[: int(0.9 * len(x))] * factor
    settings = Settings(latent_dim=flags.features, k=round(flags.active))
    sizes = {
        "features": flags.width,
        "latents": flags.features,
        "k": settings.k,
        "batch": BATCH,
        "seed": seed,
    }
    steps, rate = len(x) // BATCH * flags.epochs, base_rate(settings, BATCH)
    arm = SaeLens(kind, argparse.Namespace(**sizes, steps=steps, rate=rate))
    for _ in range(flags.epochs):
        for rows in torch.randperm(len(x))[: len(x) // BATCH * BATCH].split(BATCH):
            arm.step(x[rows])
    arm.sae.save_inference_model(place / "saelens")
    return load_sae(place / "saelens"), factor


def score(kind: str, world: World, path: Path, flags: argparse.Namespace, seed: int) -> tuple[float, ...]:
    """Train one autoencoder and return F1, MCC, FVU, L0 and the share of dead latents."""
    way, _, name = kind.rpartition(":")
    with tempfile.TemporaryDirectory() as folder:
        sae, factor = (theirs if way else ours)(name, path, flags, seed, Path(folder))
    x, z = draw(world, SCORED, 10_000 + seed)
    scored = found(sae, world, x * factor, z)
    measured = evaluate(sae.form, sae.parameters, x * factor, sae.threshold)
    return scored.f1, scored.mcc, measured.fvu, measured.l0, measured.dead_share


def main() -> None:
    """Print a line for each architecture: means over the seeds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--features", type=int, default=1024)
    parser.add_argument("--width", type=int, default=256)
    parser.add_argument("--active", type=float, default=12.0)
    parser.add_argument("--examples", type=int, default=200_000)
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--kinds", nargs="+", default=KINDS, choices=(*KINDS, *THEIRS))
    flags = parser.parse_args()
    print("| architecture | F1 | MCC | FVU | L0 | dead |\n| --- | --- | --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory() as folder:
        path, world = Path(folder) / "x.npy", new_world(flags.features, flags.width, flags.active, 0)
        np.save(path, draw(world, flags.examples, 1)[0].numpy())
        for kind in flags.kinds:
            rows = np.array([score(kind, world, path, flags, seed) for seed in range(flags.seeds)])
            print(f"| {kind} | " + " | ".join(f"{one:.3f}" for one in rows.mean(0)) + " |", flush=True)


if __name__ == "__main__":
    main()
