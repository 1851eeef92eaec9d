"""Randomised trees for the progress of diabetes, scored by repeated cross-validation."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from scores import write_metrics
from sklearn.datasets import load_diabetes
from sklearn.ensemble import ExtraTreesRegressor
from sklearn.model_selection import RepeatedKFold, cross_val_score


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--sample", type=int, help="train on so many patients")
    parser.add_argument("--output-dir", type=Path, default=Path("diabetes_forest"))
    options = parser.parse_args()
    features, progress = load_diabetes(return_X_y=True)
    chosen = np.random.default_rng(0).permutation(len(progress))[: options.sample]
    folds = RepeatedKFold(n_splits=options.folds, n_repeats=3, random_state=0)
    model = ExtraTreesRegressor(150, min_samples_leaf=3, random_state=0)
    scores = cross_val_score(model, features[chosen], progress[chosen], cv=folds, scoring="r2")
    write_metrics(options.output_dir, r2=scores.mean(), r2_std=scores.std())


if __name__ == "__main__":
    main()
