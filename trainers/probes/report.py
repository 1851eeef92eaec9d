"""What the user sees while probes train: a line for each that finishes, and the summary."""

from __future__ import annotations

from typing import Any, TextIO

from trainers.probes.metrics import Scores

RULE = "=" * 70
AVERAGES = {
    "average_auc_roc": "Average AUC-ROC:",
    "average_f1": "Average F1:",
    "average_accuracy": "Average Accuracy:",
    "average_precision": "Average Precision:",
    "average_recall": "Average Recall:",
}


def probe_line(done: int, total: int, action: str, scores: Scores, eta_seconds: float) -> str:
    """Return the live line of one finished probe."""
    width = max(2, len(str(total)))
    return (
        f"[{done:0{width}d}/{total:0{width}d}] ✓ {action:<26} | AUC: {scores.auc_roc:.4f} "
        f"| F1: {scores.f1:.4f} | Acc: {scores.accuracy:.4f} | ETA: {eta_seconds / 60:.1f}m"
    )


def failure_line(action: str, reason: str) -> str:
    """Return the line of a probe that has no result."""
    return f"        ✗ {action:<26} | {reason}"


def print_summary(aggregate: dict[str, Any], stream: TextIO) -> None:
    """Print the averages over all probes of a layer."""
    lines = [RULE, "AGGREGATE METRICS ACROSS ALL PROBES", RULE]
    for key, title in AVERAGES.items():
        value = aggregate[key]
        lines.append(f"{title:<18} {'none' if value is None else f'{value:.4f}'}")
    seconds, probes = aggregate["total_training_time_seconds"], len(aggregate["per_action_metrics"])
    lines += ["", f"Total training time: {seconds / 60:.1f} minutes"]
    lines.append(f"Average time per probe: {seconds / max(1, probes):.1f} seconds")
    for entry in aggregate["not_scoreable"]:
        lines.append(f"Not scoreable: {entry['action']}: {entry['reason']}")
    print("\n".join(lines), file=stream, flush=True)
