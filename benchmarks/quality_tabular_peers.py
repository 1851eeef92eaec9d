"""The references of TabM and RealMLP, run by a Python that has them: pytabkit's, with their defaults.

    PYTHON_WITH_PYTABKIT benchmarks/quality_tabular_peers.py split.npz realmlp 0

Reads `X_train`, `y_train`, `X_val`, `y_val`, `X_test` (standardised targets or class numbers) and `classes`,
and writes what the reference predicts for the test rows to `split.realmlp.npy`: values, or probabilities.
It is run by itself, so that nothing of this package and no package of the reference meet in one process.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np


def reference(model: str, classes: int, seed: int) -> Any:
    """Return the estimator, on one thread of the CPU."""
    from pytabkit import (
        RealMLP_TD_S_Classifier,
        RealMLP_TD_S_Regressor,
        TabM_D_Classifier,
        TabM_D_Regressor,
    )

    kinds = {
        "realmlp": (RealMLP_TD_S_Regressor, RealMLP_TD_S_Classifier),
        "tabm": (TabM_D_Regressor, TabM_D_Classifier),
    }
    return kinds[model][classes > 0](device="cpu", random_state=seed, n_threads=1)


def main(path: Path, model: str, seed: int) -> None:
    """Fit the reference to one split and write its predictions."""
    with np.load(path) as arrays:
        values = {name: arrays[name] for name in arrays.files}
    fitted = reference(model, int(values["classes"]), seed)
    fitted.fit(values["X_train"], values["y_train"], values["X_val"], values["y_val"])
    predict = fitted.predict_proba if values["classes"] else fitted.predict
    np.save(path.with_suffix(f".{model}.npy"), np.asarray(predict(values["X_test"]), dtype=np.float64))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
