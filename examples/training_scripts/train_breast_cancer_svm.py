"""A support vector machine for breast cancer, its two parameters searched by cross-validation.

It takes no output directory: what it writes beside itself is its result.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from scores import write_metrics
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--sample", type=int, help="train on so many patients")
    options = parser.parse_args()
    features, labels = load_breast_cancer(return_X_y=True)
    chosen = np.random.default_rng(0).permutation(len(labels))[: options.sample]
    grid = {"svc__C": np.logspace(-2, 4, 10), "svc__gamma": np.logspace(-5, 0, 9)}
    search = GridSearchCV(make_pipeline(StandardScaler(), SVC()), grid, cv=options.folds)
    search.fit(features[chosen], labels[chosen])
    best = search.best_params_
    write_metrics(
        Path("breast_cancer"), accuracy=search.best_score_, C=best["svc__C"], gamma=best["svc__gamma"]
    )


if __name__ == "__main__":
    main()
