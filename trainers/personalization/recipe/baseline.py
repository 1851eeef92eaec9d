"""What a fitted model has to beat: a forest and a logistic regression on the same person's windows."""

from __future__ import annotations

import warnings
from typing import Any

import torch

from trainers.personalization.data import Windows
from trainers.personalization.scoring import Scores, scores

FOREST = "forest"
LOGISTIC_REGRESSION = "logistic_regression"


def baselines(train: Windows, test: Windows, n_classes: int, seed: int) -> dict[str, Scores]:
    """Return the scores on `test` of models that know `train` alone, every sample of a window a feature.

    Raises ImportError where scikit-learn is not installed.
    """
    from sklearn.dummy import DummyClassifier
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    seed %= 2**32
    models: dict[str, Any] = {
        FOREST: RandomForestClassifier(300, random_state=seed, n_jobs=1),
        LOGISTIC_REGRESSION: make_pipeline(StandardScaler(), LogisticRegression(max_iter=300)),
    }
    X, y = train.X_NCT.flatten(1).cpu().numpy(), train.y_N.cpu().numpy()
    found = {}
    for name, wanted in models.items():
        # Logistic regression refuses to learn from one class; the answer is then that class.
        model = wanted if len(set(y.tolist())) > 1 else DummyClassifier(strategy="prior")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model.fit(X, y)
        found[name] = _scored(model, test, n_classes)
    return found


def _scored(model: Any, test: Windows, n_classes: int) -> Scores:
    X, y_N = test.X_NCT.flatten(1).cpu().numpy(), test.y_N.cpu()
    p_NK = torch.zeros(len(y_N), n_classes, dtype=torch.float64)
    p_NK[:, torch.as_tensor(model.classes_)] = torch.as_tensor(model.predict_proba(X)).double()
    # A forest is sure of itself, and one window that it gave no chance would make its loss infinite.
    chance_N = p_NK[torch.arange(len(y_N)), y_N].clamp(min=1e-3)
    return scores(float(-chance_N.log().mean()), y_N, p_NK.argmax(dim=1), n_classes)
