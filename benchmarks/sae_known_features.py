"""How well autoencoders find features that are known: F1 and MCC on synthetic activations.

    python -m benchmarks.sae_known_features [--features 1024] [--width 256] [--examples 200000] [--seeds 3]

Held-out examples of the same world score them.  What they are is in `trainers.sae.measures.known_features`.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np

from trainers.sae.measures.known_features import World, draw, found, new_world
from trainers.sae.run import Request, train
from trainers.sae.settings import Settings

KINDS = ("relu", "topk", "batchtopk", "jumprelu", "matryoshka", "hierarchical")
SCORED = 20_000


def score(kind: str, world: World, path: Path, flags: argparse.Namespace, seed: int) -> tuple[float, ...]:
    """Train one autoencoder and return F1, MCC, FVU, L0 and the share of dead latents."""
    plain = {"normalise": False, "learning_rate": 1e-3} if kind == "relu" else {}
    settings = Settings(
        architecture=kind,  # type: ignore[arg-type]
        latent_dim=flags.features,
        k=round(flags.active),
        max_epochs=flags.epochs,
        seed=seed,
        **plain,  # type: ignore[arg-type]
    )
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        asked = Request(path, settings, place, place / "checkpoints", device="cpu", num_workers=2)
        trained = train(asked, lambda _: None, lambda *_, **__: None)
    scored = found(trained.sae, world, *draw(world, SCORED, 10_000 + seed))
    measured = trained.evaluation
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
    parser.add_argument("--kinds", nargs="+", default=KINDS, choices=KINDS)
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
