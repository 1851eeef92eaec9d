"""`training_summary.json` and `per_action_layer_analysis.json`: all layers of a folder side by side."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from trainers.common.errors import BadInput
from trainers.common.files import write_json
from trainers.common.json_files import read_json_file
from trainers.probes.fitting.metrics import mean
from trainers.probes.results.outputs import AGGREGATE, is_number
from trainers.probes.settings import Settings

SUMMARY = "training_summary.json"
ANALYSIS = "per_action_layer_analysis.json"
_FOLDER = "layer_"

Layers = Mapping[int, Mapping[str, Any]]
"""Layer → what its `aggregate_metrics.json` holds."""


def folder_over(outputs: Sequence[Path]) -> Path | None:
    """Return the folder of what a command over layers writes, None for one layer by itself.

    One layer more beside those of an earlier command belongs to them.
    """
    root = outputs[0].parent
    return root if len(outputs) > 1 or (root / SUMMARY).is_file() else None


def write_over_layers(root: Path, config: Mapping[str, Any]) -> bool:
    """Write both files over the folders `layer_<n>` below `root`, those of earlier commands too.

    Return whether there are any.
    """
    layers = _read(root)
    if not layers:
        return False
    write_json(root / SUMMARY, summary(layers, config))
    write_json(root / ANALYSIS, analysis(layers))
    return True


def config_of(settings: Settings, num_workers: int, *, pin: bool) -> dict[str, Any]:
    """Return what the summary tells of how layers were trained."""
    return {
        "batch_size": settings.batch_size,
        "epochs": settings.epochs,
        "learning_rate": _one_or_all(settings.lrs),
        "weight_decay": _one_or_all(settings.weight_decays),
        "early_stopping_patience": settings.patience,
        "use_scheduler": settings.scheduler,
        "num_workers": num_workers,
        "pin_activations_to_gpu": pin,
    }


def _one_or_all(values: Sequence[float]) -> float | list[float]:
    return values[0] if len(values) == 1 else list(values)


def check_others(root: Path, outputs: Sequence[Path]) -> None:
    """Raise BadInput where what earlier commands tell of other layers than these cannot be read."""
    for path in _files(root).values():
        if path.parent not in outputs:
            _aggregate(path)


def _read(root: Path) -> Layers:
    return {layer: _aggregate(path) for layer, path in sorted(_files(root).items())}


def _files(root: Path) -> dict[int, Path]:
    places = ((path.parent.name.removeprefix(_FOLDER), path) for path in root.glob(f"{_FOLDER}*/{AGGREGATE}"))
    return {int(number): path for number, path in places if number.isdecimal()}


def _aggregate(path: Path) -> dict[str, Any]:
    """Return what is told of a layer, maybe by an earlier command; BadInput where that is something else."""
    found = read_json_file(path)
    probes = found.get("per_action_metrics")
    named = isinstance(probes, list) and all(isinstance(one, dict) and _is_scored(one) for one in probes)
    figures = [found.get(key) for key in ("average_auc_roc", "average_f1", "average_accuracy", "num_workers")]
    seconds = found.get("total_training_time_seconds")
    if not named or not all(one is None or is_number(one) for one in figures) or not is_number(seconds):
        raise BadInput(f"{path}: not what is told of a layer; train it again (--overwrite), or move it away")
    return found


def _is_scored(probe: Mapping[str, Any]) -> bool:
    return isinstance(probe.get("action"), str) and all(
        is_number(probe.get(key)) for key in ("auc_roc", "f1")
    )


def summary(layers: Layers, config: Mapping[str, Any]) -> dict[str, Any]:
    """Return how training went, layer by layer; `config` is that of the last command."""
    results = [_layer_result(layer, aggregate) for layer, aggregate in layers.items()]
    scored = [one for one in results if one["success"]]
    aucs = [one["avg_auc"] for one in scored]
    return {
        "total_layers": len(scored),
        "total_probes": sum(len(aggregate["per_action_metrics"]) for aggregate in layers.values()),
        "total_time_hours": sum(one["time_minutes"] for one in results) / 60,
        "parallel_training": True,
        "num_workers": config["num_workers"],
        "layer_results": results,
        "config": dict(config),
        "statistics": {
            "avg_auc": mean(aucs),
            "best_auc": max(aucs, default=None),
            "worst_auc": min(aucs, default=None),
            "best_layer": max(scored, key=lambda one: one["avg_auc"])["layer"] if scored else None,
        },
    }


def _layer_result(layer: int, aggregate: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "layer": layer,
        "avg_auc": aggregate["average_auc_roc"],
        "avg_f1": aggregate["average_f1"],
        "avg_accuracy": aggregate["average_accuracy"],
        "time_minutes": aggregate["total_training_time_seconds"] / 60,
        "num_workers": aggregate["num_workers"],
        "success": aggregate["average_auc_roc"] is not None,
    }


def analysis(layers: Layers) -> dict[str, Any]:
    """Return for each action which layer detects it best."""
    by_action: dict[str, dict[int, dict[str, float]]] = {}
    for layer, aggregate in layers.items():
        for one in aggregate["per_action_metrics"]:
            by_action.setdefault(one["action"], {})[layer] = {"auc": one["auc_roc"], "f1": one["f1"]}
    best = [_best(action, by_action[action]) for action in sorted(by_action)]
    counts = Counter(one["best_layer"] for one in best)
    return {
        "summary": {
            "total_actions": len(best),
            "total_layers_tested": len(layers),
            "most_common_best_layer": _most_common(counts),
            "layer_distribution": {str(layer): counts[layer] for layer in sorted(counts)},
        },
        "per_action_best_layers": best,
        "action_layer_performance": {
            action: {str(layer): figures for layer, figures in found.items()}
            for action, found in by_action.items()
        },
    }


def _best(action: str, found: Mapping[int, Mapping[str, float]]) -> dict[str, Any]:
    layer = max(found, key=lambda each: found[each]["auc"])
    aucs: Sequence[float] = [figures["auc"] for figures in found.values()]
    return {
        "action": action,
        "best_layer": layer,
        "best_auc": found[layer]["auc"],
        "best_f1": found[layer]["f1"],
        "auc_range": max(aucs) - min(aucs),
        "worst_auc": min(aucs),
        "layer_sensitivity": max(aucs) - min(aucs),
    }


def _most_common(counts: Counter[int]) -> int | None:
    return counts.most_common(1)[0][0] if counts else None
