"""A search over people by ASHA beside the full one: epochs spent, and what each finds.

Each person is fitted with each of four learning rates; jobs are compared within a person alone.  Both arms
are the whole command `run_two_phase` on this machine, from the same data.  Epochs are counted from what jobs
left: the curves of those that ended, the checkpoints of those that were pruned.

    python -m benchmarks.pruning --quick
    python -m benchmarks.pruning --people 36 --json
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.fused import digits
from benchmarks.searches import ROOT
from examples import demo
from master.core.running.lifecycle import State, Trigger
from master.storage.checkpoint_store import CheckpointStore
from master.storage.journal import Journal
from master.storage.run_layout import RunLayout
from trainers.common.files import read_tensors

RATES = [3e-2, 3e-3, 3e-4, 3e-5]
PRUNE = {"by": "asha", "metric": "val_loss", "min": 5, "eta": 2}


@dataclass(frozen=True)
class Found:
    """What a search came to."""

    seconds: float
    epochs: int
    """Of all jobs together."""
    by_state: Mapping[str, int]
    promoted: int
    best: Mapping[str, float]
    """The lowest validation loss by person, of the jobs that ran to their ends …"""
    rates: Mapping[str, float]
    """… and the learning rate that it was had with."""


def search(folder: Path, data: Path, names: list[str], options: argparse.Namespace, prune: Any) -> Found:
    """Run a search, and return what it came to."""
    folder.mkdir(parents=True)
    common = {"participants": names, "data_path": str(data), "window_size": 8, "n_classes": 10}
    common |= {"mode": "target_only", "model": "mlp", "no_plots": True}
    common |= {"epochs": options.epochs, "early_stopping_patience_target": options.epochs}
    grid = {"fold": f"0..{len(names) - 1}", "lr": RATES}
    (folder / "jobs.json").write_text(json.dumps({"defaults": common, "grid": grid, "prune": prune}))
    (folder / "cluster.json").write_text(json.dumps(demo.cluster_config(folder) | {"data": {}}))
    argv = [
        *(sys.executable, "-m", "master.commands.run_two_phase", "--quiet", "--trainer", "personalization"),
        *("--cluster-config", str(folder / "cluster.json"), "--jobs-config", str(folder / "jobs.json")),
        *("--run-dir", str(folder / "run"), "--executor", options.executor),
    ]
    environ = {**os.environ, "TWOPHASE_SLOT_DIR": str(folder / "slots")}
    begin = time.perf_counter()
    subprocess.run(argv, cwd=ROOT, env=environ, check=True, stdout=subprocess.DEVNULL)
    return _found(RunLayout(folder / "run"), time.perf_counter() - begin)


def _found(layout: RunLayout, seconds: float) -> Found:
    with closing(Journal(layout.journal)) as journal:
        transitions = list(journal.transitions())
    states = {item.job_id: item.state for item in transitions}
    epochs, best, rates = 0, dict[str, float](), dict[str, float]()
    for job_id, state in states.items():
        if state is State.PRUNED:
            epochs += _epochs_kept(layout, job_id)
            continue
        losses = json.loads((layout.result(job_id) / "losses.json").read_text())["target_val_loss"]
        person, rate = job_id.rpartition("_lr=")[0], float(job_id.rpartition("_lr=")[2])
        epochs += len(losses)
        if min(losses) < best.get(person, float("inf")):
            best[person], rates[person] = min(losses), rate
    promoted = sum(item.trigger is Trigger.PROMOTE for item in transitions)
    counts = {state.value: list(states.values()).count(state) for state in sorted(set(states.values()))}
    return Found(round(seconds, 1), epochs, counts, promoted, best, rates)


def _epochs_kept(layout: RunLayout, job_id: str) -> int:
    """Return how far a job has come that was pruned."""
    kept = CheckpointStore(layout).newest(job_id)
    assert kept, f"{job_id} left no checkpoint"
    (path,) = kept.path.rglob("*.pt")
    return int(read_tensors(path)["progress"]["epoch"])


def compared(full: Found, asha: Found) -> dict[str, Any]:
    """Return the figures of both arms, and how near the pruned search comes to the full one."""
    worse = [asha.best[person] / loss - 1 for person, loss in full.best.items()]
    return {
        "full": _short(full),
        "asha": _short(asha),
        "epochs: full over asha": round(full.epochs / asha.epochs, 2),
        "people with the same learning rate": sum(
            asha.rates[person] == rate for person, rate in full.rates.items()
        ),
        "people": len(full.rates),
        "best loss of asha over full, mean of people": round(1 + sum(worse) / len(worse), 4),
        "the same, worst person": round(1 + max(worse), 4),
    }


def _short(found: Found) -> dict[str, Any]:
    told = asdict(found)
    mean = sum(told.pop("best").values()) / len(told.pop("rates"))
    return {**told, "mean of people's best validation loss": round(mean, 4)}


def main() -> int:
    """Measure, and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="two people, few epochs")
    parser.add_argument("--people", type=int, default=36)
    parser.add_argument("--epochs", type=int, default=160)
    parser.add_argument("--executor", default="resident")
    options = parser.parse_args()
    if options.quick:
        options.people, options.epochs = 2, 40
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        people = digits(folder / "data", options.people, {})
        full = search(folder / "full", people.folder, people.names, options, None)
        print(f"full: {full.seconds} s, {full.epochs} epochs", file=sys.stderr, flush=True)
        asha = search(folder / "asha", people.folder, people.names, options, PRUNE)
    print(json.dumps({**compared(full, asha), "load": os.getloadavg()[0]}, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
