"""A forest on scikit-learn's handwritten digits, scored by cross-validation."""

from __future__ import annotations

import argparse
from pathlib import Path

from scores import write_metrics
from sklearn.datasets import load_digits
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import cross_val_score


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--output-dir", type=Path, default=Path("digits_forest"))
    options = parser.parse_args()
    images, labels = load_digits(return_X_y=True)
    model = RandomForestClassifier(250, random_state=0)
    scores = cross_val_score(model, images, labels, cv=options.folds, verbose=2)
    write_metrics(options.output_dir, accuracy=scores.mean(), accuracy_std=scores.std())


if __name__ == "__main__":
    main()
