"""What the user sees while probes train: a line for each that finishes, and the summary."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TextIO

import torch

from trainers.probes.fitting.metrics import Scores, mean
from trainers.probes.reading.inputs import Standardisation
from trainers.probes.reading.labels import Targets

RARE = 5
"""Positives in a split below which a probe's figures are mostly chance."""
RULE = "=" * 70
_MINUTE_S = 60.0
AVERAGES = {
    "average_auc_roc": "Average AUC-ROC:",
    "average_f1": "Average F1:",
    "average_accuracy": "Average Accuracy:",
    "average_precision": "Average Precision:",
    "average_recall": "Average Recall:",
}


def averages_of(per_action: Sequence[Mapping[str, Any]]) -> dict[str, float | None]:
    """Return the mean of each figure over the probes that have it."""
    told = {key: [one.get(key.removeprefix("average_")) for one in per_action] for key in AVERAGES}
    return {key: mean([value for value in values if value is not None]) for key, values in told.items()}


def probe_line(done: int, total: int, action: str, scores: Scores, eta_seconds: float) -> str:
    """Return the live line of one finished probe."""
    width = max(2, len(str(total)))
    return (
        f"[{done:0{width}d}/{total:0{width}d}] ✓ {action:<26} | AUC: {scores.auc_roc:.4f} "
        f"| F1: {scores.f1:.4f} | Acc: {scores.accuracy:.4f} | ETA: {_short(eta_seconds)}"
    )


def _short(seconds: float) -> str:
    return f"{seconds:.1f}s" if seconds < _MINUTE_S else f"{seconds / _MINUTE_S:.1f}m"


def _span(seconds: float) -> str:
    return f"{seconds:.1f} seconds" if seconds < _MINUTE_S else f"{seconds / _MINUTE_S:.1f} minutes"


def failure_line(action: str, reason: str) -> str:
    """Return the line of a probe that has no result."""
    return f"        ✗ {action:<26} | {reason}"


def rare_notes(targets: Targets) -> list[str]:
    """Return a line for each class that is trained although a split has next to no positives of it."""
    notes = []
    for split, labels in targets.splits.items():
        counts = torch.sum(labels, 0, dtype=torch.int64).tolist()
        rare = [(targets.names[probe], counts[probe]) for probe in targets.trainable if counts[probe] < RARE]
        notes += [
            f"note: {name}: {count} positive example{'s' * (count > 1)} in {split}; "
            "its figures are mostly chance"
            for name, count in rare
        ]
    return notes


def constant_note(inputs: Standardisation | None) -> list[str]:
    """Return a line where activations are constant, and so left out of every probe."""
    if inputs is None or not inputs.n_constant:
        return []
    total = len(inputs.mean_D)
    return [f"note: {inputs.n_constant} of {total} activations are constant in train; no probe uses them"]


def baseline_lines(aggregate: dict[str, Any]) -> list[str]:
    """Return the averages of the baselines beside those of the probes, and who is beaten; nothing without."""
    if "baseline" not in aggregate:
        return []
    lines = []
    for name, averages in aggregate["baseline"].items():
        figures = ", ".join(f"{key} {value:.4f}" for key, value in averages.items() if value is not None)
        lines.append(f"Baseline {name}: {figures}")
    per_action = [one for one in aggregate["per_action_metrics"] if "baseline" in one]
    beaten = [one["action"] for one in per_action if one["auc_roc"] < one["baseline"]["exact"]["auc_roc"]]
    lines.append(f"Below the exact solver's AUC: {len(beaten)} of {len(per_action)} probes")
    return lines


def print_summary(aggregate: dict[str, Any], stream: TextIO) -> None:
    """Print the averages over all probes of a layer."""
    lines = [RULE, "AGGREGATE METRICS ACROSS ALL PROBES", RULE]
    for key, title in AVERAGES.items():
        value = aggregate[key]
        lines.append(f"{title:<18} {'none' if value is None else f'{value:.4f}'}")
    lines += baseline_lines(aggregate)
    seconds, probes = aggregate["total_training_time_seconds"], len(aggregate["per_action_metrics"])
    lines += ["", f"Total training time: {_span(seconds)}"]
    lines.append(f"Average time per probe: {seconds / max(1, probes):.1f} seconds")
    for entry in aggregate["not_scoreable"]:
        lines.append(f"Not scoreable: {entry['action']}: {entry['reason']}")
    print("\n".join(lines), file=stream, flush=True)
