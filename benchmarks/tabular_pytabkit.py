"""Eight folds of RealMLP as `pytabkit` stacks them, in an interpreter that has it.

python benchmarks/tabular_pytabkit.py rows.npz epochs
"""

from __future__ import annotations

import json
import sys
import time
import warnings


def main(path: str, epochs: int) -> dict[str, float]:
    """Train, and return the seconds and the error of the mean prediction on the test rows."""
    warnings.simplefilter("ignore")
    import numpy as np
    import torch
    from pytabkit import RealMLP_TD_S_Regressor

    data = np.load(path)
    model = RealMLP_TD_S_Regressor(
        device="cpu",
        n_cv=len(data["folds"]),
        n_epochs=epochs,
        batch_size=int(data["batch"]),
        random_state=0,
        n_threads=torch.get_num_threads(),
        verbosity=0,
    )
    started, cpu = time.perf_counter(), time.process_time()
    model.fit(data["x"], data["y"], val_idxs=data["folds"])
    seconds, cpu_seconds = time.perf_counter() - started, time.process_time() - cpu
    errors = model.predict(data["x_test"]) - data["y_test"]
    return {"seconds": seconds, "cpu_seconds": cpu_seconds, "rmse": float(np.sqrt(np.mean(errors**2)))}


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], int(sys.argv[2]))))
