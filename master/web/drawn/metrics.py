"""What Prometheus collects of a run: counts, never names of jobs, so that a large run is no larger there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from master.core.machine_use import MOST_GPUS
from master.web.overview import eta
from master.web.run_watch import RunWatch

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
MOST_WORKERS = 500
"""That are told one by one."""
Metric = CounterMetricFamily | GaugeMetricFamily


def text(watch: RunWatch) -> bytes:
    """Return all metrics as they are now, in Prometheus' text format."""
    # A registry of our own for each question: nothing of other packages, and nothing that is gone.
    registry = CollectorRegistry()
    registry.register(_Run(watch))
    return generate_latest(registry)


class _Run(Collector):
    def __init__(self, watch: RunWatch) -> None:
        self._watch = watch

    def describe(self) -> list[Metric]:
        """Return nothing: it is asked once, at once."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Yield how the run stands, and where a master works, its machines."""
        yield from _of_jobs(self._watch)
        master = self._watch.master
        yield GaugeMetricFamily(
            "twophase_master_up", "Whether a master works on the run.", int(self._watch.has_master)
        )
        if master.machines is not None:
            workers = master.machines["workers"][:MOST_WORKERS]
            yield from _of_workers(workers)
            yield from _of_gpus({each["name"]: master.use.get(each["name"]) for each in workers})
            yield _left(eta(master.time_left))


def _of_jobs(watch: RunWatch) -> Iterator[Metric]:
    jobs = GaugeMetricFamily("twophase_jobs", "Jobs by phase and state.", labels=["phase", "state"])
    for phase, counts in watch.model.counts.items():
        for state, count in counts.items():
            jobs.add_metric([str(phase), state], count)
    yield jobs
    yield CounterMetricFamily("twophase_transitions", "Changes of jobs in the journal.", watch.model.seq)


def _of_workers(workers: list[Mapping[str, Any]]) -> Iterator[Metric]:
    told = {
        "twophase_worker_up": ("Whether a worker is connected and can be used.", "up"),
        "twophase_worker_slots": ("Jobs that a worker takes at a time.", "slots"),
        "twophase_worker_attempts": ("Attempts that a worker was given and that have not ended.", "running"),
    }
    for name, (words, key) in told.items():
        metric = GaugeMetricFamily(name, words, labels=["worker"])
        for each in workers:
            metric.add_metric([each["name"]], float(each[key]))
        yield metric


def _of_gpus(use: Mapping[str, Mapping[str, Any] | None]) -> Iterator[Metric]:
    told = {
        "twophase_gpu_utilization_percent": ("How busy a GPU is, by whomever.", "utilization_percent"),
        "twophase_gpu_memory_used_bytes": ("Memory of a GPU in use, by whomever.", "used_bytes"),
        "twophase_gpu_memory_bytes": ("Memory of a GPU.", "total_bytes"),
    }
    for name, (words, key) in told.items():
        metric = GaugeMetricFamily(name, words, labels=["worker", "gpu"])
        for worker, now in use.items():
            for gpu in _told_once(now or {}):
                if gpu[key] is not None:
                    metric.add_metric([worker, str(gpu["index"])], gpu[key])
        yield metric


def _told_once(use: Mapping[str, Any]) -> Iterable[Mapping[str, Any]]:
    """Return the GPUs of a machine: it may claim one twice, for which Prometheus takes nothing of a run."""
    return {gpu["index"]: gpu for gpu in use.get("gpus", ())[:MOST_GPUS]}.values()


def _left(seconds: list[float] | None) -> Metric:
    metric = GaugeMetricFamily("twophase_time_left_seconds", "The time that may be left.", labels=["bound"])
    for bound, value in zip(("least", "most"), seconds or (), strict=False):
        metric.add_metric([bound], value)
    return metric
