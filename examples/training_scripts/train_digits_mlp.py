"""A perceptron with two hidden layers on scikit-learn's handwritten digits."""

from __future__ import annotations

import argparse
from pathlib import Path

from scores import write_metrics
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=100)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--output-dir", type=Path, default=Path("digits_mlp"))
    options = parser.parse_args()
    images, labels = load_digits(return_X_y=True)
    parts = train_test_split(images / 16, labels, test_size=0.2, random_state=0, stratify=labels)
    train_x, test_x, train_y, test_y = parts
    model = MLPClassifier((128, 64), batch_size=options.batch_size, random_state=0)
    for epoch in range(options.epochs):
        model.partial_fit(train_x, train_y, classes=range(10))
        print(f"epoch {epoch + 1}/{options.epochs}  loss {model.loss_:.4f}")
    write_metrics(options.output_dir, accuracy=model.score(test_x, test_y), loss=model.loss_)


if __name__ == "__main__":
    main()
