"""Write scikit-learn's handwritten digits as participants for `python -m twophase personalization`.

    python examples/digits_participants.py --output data/digits

The digits carry no mark of who wrote them, so the participants are made up: the images are dealt out
evenly, and all images of a participant are turned by the same angle and have each of their eight pixel rows
multiplied by the same factor.  That leaves something personal to learn.  Nothing is random from run to run:
two runs write equal files.

Labels are the digits 0 to 9.  An image is a window of 8 channels (its rows) and 8 samples (its columns),
its values 0 to 1.5.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from scipy import ndimage
from sklearn.datasets import load_digits

Images = npt.NDArray[np.float32]
Labels = npt.NDArray[np.int64]

STEEPEST = 45.0
"""Degrees; the participants' angles are spread evenly between its negative and itself."""


def participant_names(count: int) -> list[str]:
    """Return p01, p02, …"""
    return [f"p{number:02d}" for number in range(1, count + 1)]


def deal(labels: Labels, hands: int) -> list[npt.NDArray[np.int64]]:
    """Return the rows of each of `hands` equal shares; each digit is spread evenly over them."""
    by_digit = np.argsort(labels, kind="stable")
    return [np.sort(by_digit[hand::hands]) for hand in range(hands)]


def distort(images: Images, angle: float, gains: Images) -> Images:
    """Return images [N, 8, 8] turned by `angle` degrees, their rows multiplied by `gains` [8]."""
    turned = ndimage.rotate(images, angle, axes=(2, 1), reshape=False, order=1)
    distorted: Images = (turned * gains[None, :, None]).astype(np.float32)
    return distorted


def split(labels: Labels) -> dict[str, npt.NDArray[np.int64]]:
    """Return the rows of the training, validation and test split, each with all digits alike."""
    fifths = deal(labels, 5)
    return {"train": np.concatenate(fifths[:3]), "val": fifths[3], "test": fifths[4]}


def write(folder: Path, count: int) -> None:
    """Write the files of `count` participants into `folder`."""
    digits = load_digits()
    images, labels = (digits.images / 16).astype(np.float32), digits.target.astype(np.int64)
    folder.mkdir(parents=True, exist_ok=True)
    angles = np.linspace(-STEEPEST, STEEPEST, count)
    shares = zip(participant_names(count), deal(labels, count), angles, strict=True)
    for number, (name, rows, angle) in enumerate(shares):
        gains = np.random.default_rng(number).uniform(0.5, 1.5, 8).astype(np.float32)
        own_images = distort(images[rows], float(angle), gains)
        for part, chosen in split(labels[rows]).items():
            windows, targets = torch.from_numpy(own_images[chosen]), torch.from_numpy(labels[rows][chosen])
            torch.save((windows, targets), folder / f"{name}_{part}.pt")
        print(f"{name}: {len(rows)} images, turned by {angle:.0f} degrees")


def main() -> None:
    """Read the flags and write the files."""
    parser = argparse.ArgumentParser(description="Write handwritten digits as made-up participants.")
    parser.add_argument("--output", type=Path, required=True, help="folder for the participants' files")
    parser.add_argument("--participants", type=int, default=6, choices=range(2, 31), metavar="2…30")
    args = parser.parse_args()
    write(args.output, args.participants)


if __name__ == "__main__":
    main()
