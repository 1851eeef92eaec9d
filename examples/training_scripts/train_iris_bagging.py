"""Bagged logistic regressions on the irises; takes no flags and writes beside itself."""

from __future__ import annotations

from pathlib import Path

from scores import write_metrics
from sklearn.datasets import load_iris
from sklearn.ensemble import BaggingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler


def main() -> None:
    features, labels = load_iris(return_X_y=True)
    one = make_pipeline(StandardScaler(), PolynomialFeatures(3), LogisticRegression(max_iter=2000))
    scores = cross_val_score(BaggingClassifier(one, 60, random_state=0), features, labels, cv=5)
    write_metrics(Path("iris"), accuracy=scores.mean(), accuracy_std=scores.std())


if __name__ == "__main__":
    main()
