"""How many rows a second a saved model answers, called by its rows, from columns to intervals.

    python -m benchmarks.tabular_surrogate --threads 2
    python -m benchmarks.tabular_surrogate --models realmlp mlp --rows 200000 --onnx --json

19 inputs and one target, as of a pMSSM scan; the models' usual sizes, weights as they are drawn, since
trained ones take as long.  The best of three calls.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

from trainers.tabular.data.categories import Vocabulary
from trainers.tabular.data.dataset import Columns, Problem, Rows
from trainers.tabular.data.inputs import InputStatistics
from trainers.tabular.data.targets import TargetStatistics
from trainers.tabular.models.registry import MODELS, ModelSpec, build, count_parameters, recipe
from trainers.tabular.results.export import onnx_bytes
from trainers.tabular.results.saved import SavedMember, SavedModel, Statistics
from trainers.tabular.results.surrogate import Precision, Surrogate, calibrated

REPEATS = 3
INPUTS = tuple(f"x{number}" for number in range(19))


def drawn(count: int, seed: int) -> Rows:
    """Return made-up rows."""
    generator = torch.Generator().manual_seed(seed)
    numeric = torch.rand(count, len(INPUTS), generator=generator)
    return Rows(numeric, torch.zeros(count, 0, dtype=torch.int64), numeric[:, :1].double())


def model_of(name: str) -> SavedModel:
    """Return a model of one member with intervals, as training would save it."""
    spec = ModelSpec(name, Columns(INPUTS), Problem("regression", ("MO_Omega",)))
    known = drawn(2000, 0)
    inputs = InputStatistics.fit(recipe(name, spec.problem).inputs, known.numeric)
    statistics = Statistics(inputs, TargetStatistics.fit(["none"], known.targets, ["MO_Omega"]))
    member = SavedMember(build(spec, inputs.apply(known.numeric)).state_dict(), seed=0)
    return calibrated(SavedModel(spec, Vocabulary({}), (statistics,), (member,)), [drawn(1000, 1)])


def speeds(call: Callable[[], Any], rows: int, name: str) -> dict[str, float]:
    """Return rows a second and rows a second of CPU time, the best of some calls."""
    found: dict[str, float] = {}
    for _ in range(REPEATS):
        started = time.perf_counter(), time.process_time()
        call()
        wall, cpu = time.perf_counter() - started[0], time.process_time() - started[1]
        for key, seconds in ((f"{name}_a_second", wall), (f"{name}_a_cpu_second", cpu)):
            found[key] = max(found.get(key, 0.0), rows / seconds)
    return found


def measured(name: str, rows: int, threads: int, precision: Precision, *, onnx: bool) -> dict[str, float]:
    """Return rows a second of one model, by its call and through onnxruntime."""
    model, fresh = model_of(name), drawn(rows, 2)
    columns = dict(zip(INPUTS, fresh.numeric.numpy().T, strict=True))
    surrogate = Surrogate(model, precision=precision)
    found = {
        "parameters": float(count_parameters(build(model.spec, fresh.numeric[:1000]))),
        **speeds(lambda: surrogate.predict(columns), rows, "rows"),
    }
    if onnx:
        session = _session(model, threads)
        inputs = {"numeric": fresh.numeric.numpy(), "categories": np.zeros((rows, 0), np.int64)}
        known = {one.name for one in session.get_inputs()}
        inputs = {key: value for key, value in inputs.items() if key in known}
        found |= speeds(lambda: session.run(None, inputs), rows, "onnx_rows")
    return found


def _session(model: SavedModel, threads: int) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    return onnxruntime.InferenceSession(onnx_bytes(model), options)


def main(argv: Sequence[str] | None = None) -> int:
    """Measure the models that the flags name."""
    parser = argparse.ArgumentParser("python -m benchmarks.tabular_surrogate", description=__doc__)
    parser.add_argument("--models", nargs="+", choices=tuple(MODELS), default=["realmlp", "mlp", "tabm"])
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--precision", choices=("float32", "bfloat16"), default="float32")
    parser.add_argument("--onnx", action="store_true", help="through onnxruntime, too")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args(argv)
    torch.set_num_threads(asked.threads)
    found = {
        name: measured(name, asked.rows, asked.threads, asked.precision, onnx=asked.onnx)
        for name in asked.models
    }
    if asked.json:
        print(json.dumps(found, indent=2))
        return 0
    for name, figures in found.items():
        print(name, "  ".join(f"{key} {value:,.0f}" for key, value in figures.items()), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
