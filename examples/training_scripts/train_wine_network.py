"""An ensemble of small networks on scikit-learn's wines."""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from scores import write_metrics
from sklearn.datasets import load_wine
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from torch import nn

MEMBERS = 5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=250)
    parser.add_argument("--output-dir", type=Path, default=Path("wine_network"))
    options = parser.parse_args()
    torch.manual_seed(0)
    features, labels = load_wine(return_X_y=True)
    parts = train_test_split(features, labels, test_size=0.3, random_state=0, stratify=labels)
    scaler = StandardScaler().fit(parts[0])
    train_x, test_x = (torch.tensor(scaler.transform(part), dtype=torch.float32) for part in parts[:2])
    train_y, test_y = (torch.tensor(part) for part in parts[2:])
    votes = torch.zeros(len(test_y), 3)
    for member in range(MEMBERS):
        model = nn.Sequential(nn.Linear(13, 32), nn.Tanh(), nn.Linear(32, 3))
        optimiser = torch.optim.Adam(model.parameters(), lr=1e-2, weight_decay=1e-3)
        for _ in range(options.epochs):
            loss = nn.functional.cross_entropy(model(train_x), train_y)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
        with torch.no_grad():
            votes += model(test_x).softmax(1)
        print(f"member {member + 1}/{MEMBERS}  loss {loss.item():.4f}")
    write_metrics(options.output_dir, accuracy=(votes.argmax(1) == test_y).float().mean().item())


if __name__ == "__main__":
    main()
