"""Write activations of a small network on scikit-learn's handwritten digits, for `train_probes`.

    python examples/digits_activations.py --output digits.h5
    train_probes --activations digits.h5 --layer 1 2 --output-dir digits_probes --lr 1e-3,1e-2 --batch-size 64

The network learns to tell the ten digits apart; what its two hidden layers then hold for every image is
written to the groups `layer_1` and `layer_2`.  Nothing is random from run to run.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import h5py
import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn

NAMES = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
SPLITS = {"train": slice(0, 1100), "val": slice(1100, 1450), "test": slice(1450, None)}
EPOCHS = 30
BATCH = 64


def digits() -> tuple[Tensor, Tensor]:
    """Return images [1797, 64] from 0 to 1 and digits [1797], in a fixed shuffled order."""
    images, labels = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(labels))
    return torch.from_numpy(images[order].astype("float32") / 16), torch.from_numpy(labels[order])


def train(x: Tensor, y: Tensor, width: int) -> nn.Sequential:
    """Return a network of two hidden layers of `width` units, trained on the given images."""
    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Linear(64, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU(), nn.Linear(width, 10)
    )
    optimiser = torch.optim.Adam(network.parameters(), lr=1e-3)
    for _ in range(EPOCHS):
        for rows in torch.randperm(len(x)).split(BATCH):
            optimiser.zero_grad()
            nn.functional.cross_entropy(network(x[rows]), y[rows]).backward()
            optimiser.step()
    return network


def write(path: Path, width: int) -> None:
    """Write the activations of both hidden layers to the HDF5 file `path`."""
    x, y = digits()
    network = train(x[SPLITS["train"]], y[SPLITS["train"]], width)
    with h5py.File(path, "w") as file, torch.no_grad():
        file.attrs["actions"] = NAMES
        for layer, depth in ((1, 2), (2, 4)):
            hidden = network[:depth](x).numpy()
            for split, rows in SPLITS.items():
                file[f"layer_{layer}/{split}/activations"] = hidden[rows]
                file[f"layer_{layer}/{split}/labels"] = y[rows].numpy()


def main() -> None:
    """Write the file that the flags name."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--output", type=Path, required=True, metavar="FILE")
    parser.add_argument("--width", type=int, default=128, help="units of a hidden layer (default 128)")
    flags = parser.parse_args()
    write(flags.output, flags.width)


if __name__ == "__main__":
    main()
