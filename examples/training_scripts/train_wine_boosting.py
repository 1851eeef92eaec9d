"""Boosted trees on scikit-learn's wines; an epoch is a tree."""

from __future__ import annotations

import argparse
from pathlib import Path

from scores import write_metrics
from sklearn.datasets import load_wine
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.model_selection import cross_validate


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=150)
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--output-dir", type=Path, default=Path("wine_boosting"))
    options = parser.parse_args()
    features, labels = load_wine(return_X_y=True)
    model = GradientBoostingClassifier(n_estimators=options.epochs, random_state=0)
    found = cross_validate(model, features, labels, cv=options.folds, scoring=("accuracy", "f1_macro"))
    write_metrics(
        options.output_dir, accuracy=found["test_accuracy"].mean(), f1=found["test_f1_macro"].mean()
    )


if __name__ == "__main__":
    main()
