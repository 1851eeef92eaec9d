"""A small convolutional network on scikit-learn's handwritten digits, on a GPU where there is one."""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from scores import write_metrics
from sklearn.datasets import load_digits
from torch import nn

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"


def network() -> nn.Module:
    return nn.Sequential(
        *(nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.Conv2d(16, 32, 3, padding=1), nn.ReLU()),
        *(nn.MaxPool2d(2), nn.Flatten(), nn.Linear(32 * 16, 10)),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--sample", type=int, help="train on so many images")
    parser.add_argument("--output-dir", type=Path, default=Path("digits_cnn"))
    options = parser.parse_args()
    torch.manual_seed(0)
    digits = load_digits()
    images = torch.tensor(digits.images, dtype=torch.float32, device=DEVICE)[:, None] / 16
    labels = torch.tensor(digits.target, device=DEVICE)
    order = torch.randperm(len(labels))
    test, train = order[:360], order[360:][: options.sample]
    model = network().to(DEVICE)
    optimiser = torch.optim.Adam(model.parameters(), lr=2e-3)
    for epoch in range(options.epochs):
        for batch in train[torch.randperm(len(train))].split(options.batch_size):
            loss = nn.functional.cross_entropy(model(images[batch]), labels[batch])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
        print(f"epoch {epoch + 1}/{options.epochs}  loss {loss.item():.4f}")
    with torch.no_grad():
        accuracy = (model(images[test]).argmax(1) == labels[test]).float().mean().item()
    write_metrics(options.output_dir, accuracy=accuracy, loss=loss.item())
    torch.save(model.state_dict(), options.output_dir / "model.pt")


if __name__ == "__main__":
    main()
