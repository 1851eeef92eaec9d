"""What `analyze_jobs` does once its words are understood."""

from __future__ import annotations

import argparse
import io
import json
import math
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from master.code.declarations.reading import read_flags
from master.code.identity import code_identity
from master.code.sources import CodeRequest, find_sources
from master.code.trainer_manifest import TrainerManifest, find_trainer_manifest
from master.core.flags.declared import NOTHING_KNOWN, ScriptFlags
from master.core.planning.analysis import Analysis, FieldSplit, SharedBase, analyze
from master.core.planning.generations.rungs import RESUMES_FROM
from master.core.planning.generations.trees import branch
from master.core.planning.identity import PARENT_FIELD
from master.errors import UsageError
from master.intake.cluster import read_cluster
from master.intake.head_paths import worker_folders
from master.intake.jobs import read_jobs
from master.intake.participant_jobs import PARTICIPANT_JOBS
from master.intake.stages.file import has_stages, read_stages
from master.intake.stages.links import StageCode, read_staged_jobs
from master.intake.strict_json import Document, read_document
from master.intake.sweeps.flags import given_jobs
from master.intake.sweeps.words import SweepFlags
from master.specs import BaseModelSpec, JobsSpec

_MOST_ROWS = 40
_MOST_VALUES = 6
_VALUE_WIDTH = 60


def work(arguments: argparse.Namespace, sweep: SweepFlags) -> int:
    """Do what the user asked for and return the exit code."""
    spec = read_given(arguments, sweep)
    durations = _durations(arguments.run_dir, spec.base_models) if arguments.run_dir else {}
    analysis = analyze(spec, durations)
    if arguments.json:
        print(json.dumps(analysis.as_json(), indent=2))
    else:
        if isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(errors="replace")  # a terminal that knows only ASCII
        _show(analysis, Console())
    return 0


def read_given(arguments: argparse.Namespace, sweep: SweepFlags) -> JobsSpec:
    """Return the jobs that a command line names; `arguments` are those of `analyze_jobs`.

    Raises ConfigError for what is wrong in a file, UsageError for words that contradict it.
    """
    given = given_jobs(arguments.jobs, sweep)
    return _staged(given, arguments) if has_stages(given) else _jobs(given, arguments)


def _flags(request: CodeRequest, trainer: TrainerManifest | None) -> ScriptFlags:
    """Return what the jobs' code takes, as far as the command line says which it is."""
    if trainer:
        return trainer.flags()
    is_given = request.script is not None or request.module is not None
    return read_flags(find_sources(request)) if is_given else NOTHING_KNOWN


def _jobs(given: Document, arguments: argparse.Namespace) -> JobsSpec:
    request = _code_request(arguments, arguments.script_path)
    code = code_identity(request, arguments.trainer)
    trainer = find_trainer_manifest(arguments.trainer) if arguments.trainer else None
    return read_jobs(
        given,
        code=code,
        script=_flags(request, trainer),
        shape=trainer.shape if trainer else PARTICIPANT_JOBS,
    )


def _staged(given: Document, arguments: argparse.Namespace) -> JobsSpec:
    if arguments.script_path or arguments.module or arguments.trainer:
        raise UsageError(f"{given.source} says which scripts run: leave out --script-path, -m and --trainer")
    stages = read_stages(given)
    requests = [_code_request(arguments, stage.script) for stage in (stages.makes, stages.uses)]
    makes, uses = (StageCode(code_identity(request), _flags(request, None)) for request in requests)
    return read_staged_jobs(stages, makes, uses)


def _code_request(arguments: argparse.Namespace, script: Path | None) -> CodeRequest:
    """Return what is to be run, as `run_two_phase` would say."""
    root = arguments.project_root
    module = None if script else arguments.module
    runs = [arguments.run_dir] if arguments.run_dir else []
    named = [arguments.jobs] if arguments.jobs else []
    if arguments.cluster_config:
        named.append(arguments.cluster_config)
        runs += worker_folders(read_cluster(arguments.cluster_config))
    return CodeRequest(script, module, root, Path.cwd(), tuple(runs), tuple(named))


def _durations(run_dir: Path, base_models: Iterable[str]) -> dict[str, float]:
    """Return the seconds that stored base models took from the beginning, by `spec_hash`."""
    if not run_dir.is_dir():
        raise UsageError(f"--run-dir {run_dir} is not a directory")
    store = run_dir / "experiments" / "base_models"
    found = ((spec_hash, _whole_duration(store, spec_hash)) for spec_hash in base_models)
    return {spec_hash: seconds for spec_hash, seconds in found if seconds is not None}


def _whole_duration(store: Path, spec_hash: str) -> float | None:
    """Return the seconds of a training and of the rungs that it went on from; None where one is unknown."""
    taken, seen, rung = 0.0, set[str](), str(spec_hash)
    while rung not in seen:
        path = store / rung / "manifest.json"
        document = read_document(path) if path.is_file() else None
        seconds = _duration(document) if document else None
        if document is None or seconds is None:
            return None
        taken += seconds
        seen.add(rung)
        rung = str(document.root.as_object().get(RESUMES_FROM) or rung)
    return taken


def _duration(document: Document) -> float | None:
    seconds = document.root.as_object().get("duration_seconds")
    if seconds is None:
        return None
    if type(seconds) not in (int, float) or not 0 <= seconds < math.inf:
        raise document.error(("duration_seconds",), "must be a number of seconds, at least 0")
    return float(seconds)


def _show(analysis: Analysis, console: Console) -> None:
    common = _common_fields([base.spec for base in analysis.base_models])
    console.print(_totals(analysis))
    if analysis.base_models:
        console.print(_base_table(analysis.base_models, common))
    if common:
        console.print(Text.assemble(("All have ", "dim"), _fields(common)))
    if analysis.splits:
        console.print(_split_table(analysis.splits))
    if analysis.sharing_note:
        console.print(Text(analysis.sharing_note), soft_wrap=True)


def _totals(analysis: Analysis) -> Table:
    table = Table("", "trainings", title="What this jobs file trains", title_justify="left")
    table.columns[1].justify = "right"
    is_lineage = any(base.spec.stage for base in analysis.base_models)
    first, second = ("", "") if is_lineage else (" (Phase 1)", " (Phase 2)")
    table.add_row(f"Experiments{second}", f"{analysis.jobs:,}")
    table.add_row("… that start from a base model", f"{analysis.jobs_needing_base_model:,}")
    table.add_row(f"Unique base models{first}", f"{len(analysis.base_models):,}")
    table.add_row("All, without reuse", f"{analysis.trainings_without_reuse:,}")
    table.add_row("All, with reuse", f"{analysis.trainings_with_reuse:,}")
    table.add_row("Saved", f"{analysis.trainings_saved:,}")
    if analysis.climb:
        of_all = f"{analysis.climb.field} of base models"
        table.add_row(
            f"{of_all}, each from the beginning", f"{analysis.climb.trained + analysis.climb.saved:,}"
        )
        table.add_row(f"{of_all}, going on from lower rungs", f"{analysis.climb.trained:,}")
    hours = analysis.gpu_hours_saved
    table.add_row("GPU-hours saved", "unknown" if hours is None else f"{hours:,.1f}")
    return table


def _base_table(bases: Sequence[SharedBase], common: dict[str, Any]) -> Table:
    table = Table("spec_hash", "jobs", "made of", title="Base models", title_justify="left")
    table.columns[0].no_wrap = True
    table.columns[1].justify = "right"
    for base in bases[:_MOST_ROWS]:
        left_out = {*common, PARENT_FIELD}
        own = {name: value for name, value in base.spec.config.items() if name not in left_out}
        stage = f"{base.spec.stage}: " if base.spec.stage else ""
        name = branch(base.depth) + base.spec.spec_hash[:12]
        table.add_row(name, f"{base.jobs:,}", Text(stage + _fields(own)))
    return _with_rest(table, len(bases))


def _split_table(splits: Sequence[FieldSplit]) -> Table:
    title = "Base models that differ in one field"
    alike = Counter((split.field, len(split.spec_hashes), _values(split)) for split in splits)
    times = max(alike.values()) > 1
    table = Table("field", "base models", "values", title=title, title_justify="left")
    if times:
        table.add_column("times", justify="right")
    for (field, number, values), count in list(alike.items())[:_MOST_ROWS]:
        table.add_row(Text(field), f"{number:,}", Text(values), *([f"{count:,}"] if times else []))
    return _with_rest(table, len(alike))


def _values(split: FieldSplit) -> str:
    pairs = list(zip(split.values, split.spec_hashes, strict=True))
    texts = [
        "(not given)" if spec_hash in split.missing_in else _literal(value) for value, spec_hash in pairs
    ]
    return ", ".join(texts[:_MOST_VALUES] + ["…"] * (len(texts) > _MOST_VALUES))


def _with_rest(table: Table, rows: int) -> Table:
    if rows > _MOST_ROWS:
        table.caption = f"and {rows - _MOST_ROWS:,} more: --json lists all"
    return table


def _common_fields(base_models: Sequence[BaseModelSpec]) -> dict[str, Any]:
    """Return the fields that are the same in all of two or more base models."""
    if len(base_models) < 2:
        return {}
    first, *others = ({name: json.dumps(v) for name, v in base.config.items()} for base in base_models)
    same = [name for name, text in first.items() if all(other.get(name) == text for other in others)]
    return {name: base_models[0].config[name] for name in same}


def _fields(config: dict[str, Any]) -> str:
    return "  ".join(f"{name}={_literal(value)}" for name, value in config.items())


def _literal(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= _VALUE_WIDTH else f"{text[:_VALUE_WIDTH]}…"
