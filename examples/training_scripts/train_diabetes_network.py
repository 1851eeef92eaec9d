"""A network for the progress of diabetes, one for each fold."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from scores import write_metrics
from sklearn.datasets import load_diabetes
from sklearn.metrics import r2_score
from sklearn.model_selection import KFold
from sklearn.preprocessing import StandardScaler
from torch import nn


def fit(features: torch.Tensor, target: torch.Tensor, epochs: int, batch_size: int) -> nn.Module:
    """Return a network fitted to `features` [N, 10] and `target` [N, 1]."""
    model = nn.Sequential(nn.Linear(10, 64), nn.ReLU(), nn.Dropout(0.2), nn.Linear(64, 1))
    optimiser = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=1e-2)
    for _ in range(epochs):
        for batch in torch.randperm(len(target)).split(batch_size):
            loss = nn.functional.mse_loss(model(features[batch]), target[batch])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
    return model.eval()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=40)
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--output-dir", type=Path, default=Path("diabetes_network"))
    options = parser.parse_args()
    torch.manual_seed(0)
    features, progress = load_diabetes(return_X_y=True)
    x = torch.tensor(StandardScaler().fit_transform(features), dtype=torch.float32)
    mean, spread = progress.mean(), progress.std()
    y = torch.tensor((progress - mean) / spread, dtype=torch.float32)[:, None]
    scores = []
    for number, (train, test) in enumerate(KFold(options.folds, shuffle=True, random_state=0).split(x), 1):
        model = fit(x[train], y[train], options.epochs, options.batch_size)
        with torch.no_grad():
            scores.append(r2_score(y[test].numpy(), model(x[test]).numpy()))
        print(f"fold {number}/{options.folds}  r2 {scores[-1]:.4f}")
    write_metrics(options.output_dir, r2=np.mean(scores), r2_std=np.std(scores))


if __name__ == "__main__":
    main()
