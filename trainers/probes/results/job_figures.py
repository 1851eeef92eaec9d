"""`metrics.json` of a job: what the table at the end of a run shows of its probes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from trainers.probes.fitting.metrics import mean
from trainers.probes.results.report import AVERAGES

METRICS = "metrics.json"


def job_figures(layers: Sequence[Mapping[str, Any]]) -> dict[str, float | int | None]:
    """Return the figures of a job from the aggregate of each layer that it trained, in one flat object.

    `average_…` are means over all probes of a layer, and over the layers where there are several;
    `baseline_<name>_average_…` those of what the probes have to beat.
    """
    found: dict[str, float | int | None] = {"probes": sum(len(one["per_action_metrics"]) for one in layers)}
    for row in map(_flat, layers):
        for name in row:
            found.setdefault(name, _mean_of([_flat(one).get(name) for one in layers]))
    return found


def _flat(aggregate: Mapping[str, Any]) -> dict[str, float | None]:
    own = {name: aggregate[name] for name in AVERAGES}
    for baseline, figures in aggregate.get("baseline", {}).items():
        own |= {f"baseline_{baseline}_average_{name}": value for name, value in figures.items()}
    return own


def _mean_of(values: Sequence[float | None]) -> float | None:
    return mean([value for value in values if value is not None])
