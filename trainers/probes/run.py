"""A job: the probes of its layers, one layer after the other."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from typing import TextIO

from trainers.common.files import write_json
from trainers.probes.layer_runs import LayerRun
from trainers.probes.options import ProbeOptions
from trainers.probes.results.job_figures import METRICS, job_figures
from trainers.probes.results.over_layers import check_others, config_of, folder_over, write_over_layers
from trainers.probes.work import LayerWork

Run = Generator[LayerWork, None, None]
"""Yields each layer and goes on once its probes have been trained."""


def train_layers(
    layer_runs: Sequence[LayerRun], options: ProbeOptions, stream: TextIO, may_go_on: Callable[[], None]
) -> Run:
    """Train one layer after the other, once the files of all are known to be in order."""

    def work_on(layer_run: LayerRun) -> LayerWork:
        return LayerWork(layer_run, options, stream, may_go_on)

    settings = [work_on(layer_run).settings for layer_run in layer_runs]
    aggregates, outputs = [], [layer_run.output for layer_run in layer_runs]
    root = folder_over(outputs)
    if root:
        check_others(root, outputs)
    for layer_run in layer_runs:
        layer = "" if layer_run.layer is None else f", layer {layer_run.layer}"
        print(f"{layer_run.path}{layer} → {layer_run.output}", file=stream, flush=True)
        work = work_on(layer_run)
        yield work
        aggregates.append(work.end())
    if options.contract is not None:
        write_json(options.contract.output_dir / METRICS, job_figures(aggregates))
    if root:
        write_over_layers(root, config_of(settings[0], options.num_workers, pin=options.pin))
