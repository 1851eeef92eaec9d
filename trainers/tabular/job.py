"""One job from its request to its end."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TextIO

from trainers.tabular.gpus import told_gpus
from trainers.tabular.request import Request
from trainers.tabular.run import Surroundings, run_of
from trainers.tabular.running.tables import Tables
from trainers.tabular.running.together import Run
from worker_agent.protocol.script_contract import ScriptContract


@dataclass(frozen=True)
class Place:
    """What a job is given beside its flags."""

    contract: ScriptContract | None
    stream: TextIO
    errors: TextIO
    """Is told all but the figures where these are printed as JSON."""
    may_go_on: Callable[[], None] = lambda: None
    """Raises a TrainerError where the job is to end."""
    tables: Tables = field(default_factory=Tables)
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)
    """The job's own."""


def job_of(arguments: argparse.Namespace, request: Request, place: Place) -> Run:
    """Return the run of a request; parsed flags say what is printed of it."""
    if arguments.check_gpus:
        print(told_gpus(), file=place.stream)
        return
    told = place.errors if arguments.json else place.stream

    def say(line: str) -> None:
        print(line, file=told, flush=True)

    def figures(report: dict[str, Any]) -> None:
        if arguments.json:
            print(json.dumps(report, indent=2), file=place.stream)

    here = Surroundings(say, place.contract, place.may_go_on, place.tables, place.environ)
    yield from run_of(request, here, figures)
