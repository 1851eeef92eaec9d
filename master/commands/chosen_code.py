"""Which code the jobs of a command run: as it is now, or as an earlier start of the run had it."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from master.code.code_history import CodeStart
from master.code.code_record import CodeRecord, changes, listed
from master.code.identity import record_of
from master.code.path_warnings import lost_flags, lost_literals
from master.code.snapshot import trainer_sources
from master.code.sources import CodeRequest, Sources, find_sources
from master.code.trainer_manifest import find_trainer_manifest
from master.commands.options.run_two_phase import TwoPhaseOptions
from master.errors import ConfigError, UsageError
from master.intake.head_paths import expanded, files_of_secrets, worker_folders
from master.intake.stages.file import Stages
from master.specs import ClusterSpec, JobsSpec
from master.storage.journal_reading import EarlierStarts
from master.storage.run_layout import RunLayout
from worker_agent.protocol.digests import content_hash, digest_directory
from worker_agent.protocol.trainer_start import TRAINER_CODE, started_trainer

KEEP, NEW = "keep", "new"
GOING_ON = "going on with the code of the run's earlier start"
_PYTHON = shlex.join(["{python}"]) + " "


class CodeChanged(UsageError):
    """The code is not that of the run's earlier start, and nobody says which is to run."""

    def __init__(self, told: str) -> None:
        self.told = told
        super().__init__(
            f"{told}.\n  Jobs that have succeeded are not run again; for the others give\n"
            f"    --code {KEEP}       to go on with the code as it was then, or\n"
            f"    --code {NEW}        to go on with the code as it is now: results of mixed code, or\n"
            "    --run-dir OTHER  to run all again with the code as it is now"
        )


@dataclass(frozen=True)
class ChosenCode:
    """What jobs are going to run."""

    sources: Sources
    record: CodeRecord
    notes: tuple[str, ...] = ()
    """What the user should know of it."""

    @property
    def script(self) -> Path | None:
        """The file that is started; None for a trainer that ships with Twophase."""
        return self.sources.root / self.sources.entry if self.sources.entry else None


def choose_code(
    options: TwoPhaseOptions, cluster: ClusterSpec, layout: RunLayout, earlier: EarlierStarts
) -> ChosenCode:
    """Return the code to run.  Raises UsageError and ConfigError where there is none."""
    return _chosen(options, cluster, layout, CodeStart.from_json(earlier.code))


def choose_stages(
    options: TwoPhaseOptions, cluster: ClusterSpec, layout: RunLayout, earlier: EarlierStarts, stages: Stages
) -> tuple[ChosenCode, ChosenCode]:
    """Return the code of the stage that makes base models, and of the one that starts from them.

    Raises UsageError and ConfigError.
    """
    if options.script_path or options.module or options.trainer:
        raise UsageError(f"{stages.source} says which scripts run: leave out --script-path, -m and --trainer")
    if options.sweep.given:
        raise UsageError(f"{stages.source} has stages, over which no flags of sweeps can lie: put them in it")
    before = CodeStart.from_json(earlier.code)
    makes, uses = (replace(options, script_path=stage.script) for stage in (stages.makes, stages.uses))
    base = _chosen(makes, cluster, layout, before and before.base)
    return base, _chosen(uses, cluster, layout, before)


def _chosen(
    options: TwoPhaseOptions, cluster: ClusterSpec, layout: RunLayout, before: CodeStart | None
) -> ChosenCode:
    if options.code == KEEP:
        return _kept(before, layout)
    chosen = code_of_now(options, cluster, layout)
    return chosen if before is None else _after(before, chosen, options)


def code_of_now(
    options: TwoPhaseOptions, cluster: ClusterSpec, layout: RunLayout, here: Path | None = None
) -> ChosenCode:
    """Return the code as it is now, for a user who stands in `here` (None: where this process does).

    Raises UsageError and ConfigError where there is none.
    """
    request = code_request(options, cluster, layout, here)
    sources = find_sources(request) if request else trainer_sources(find_trainer_manifest(options.trainer))
    return ChosenCode(sources, record_of(sources, options.trainer))


def _after(before: CodeStart, chosen: ChosenCode, options: TwoPhaseOptions) -> ChosenCode:
    """Return the code of now, for a run that was started with other code.  Raises CodeChanged."""
    sources, now = chosen.sources, chosen.record
    found = changes(before.record, now)
    if before.record.identity != now.identity:
        told = f"the code has changed since this run was started: {listed(found.program) or now.entry}"
    elif now.entry and before.argv != sources.argv:
        starts = [f"`{shlex.join(argv).removeprefix(_PYTHON)}`" for argv in (sources.argv, before.argv)]
        told = f"the jobs of this run would start in another folder: {', before '.join(starts)}"
    else:
        others = f"changed since the run's last start, beside the program: {listed(found.others)}"
        return replace(chosen, notes=(others,) if found.others else ())
    if options.code == NEW:
        return ChosenCode(sources, now, notes=(f"{told}; results are of mixed code",))
    if options.dry_run:
        ask = f"the run will ask for --code {KEEP} (as it was then) or --code {NEW} (as it is now)"
        return ChosenCode(sources, now, notes=(f"{told}; {ask}",))
    raise CodeChanged(told)


def path_warnings(code: ChosenCode, cluster: ClusterSpec, jobs: JobsSpec) -> Iterator[str]:
    """Yield what exists here and will not where jobs run."""
    if code.sources.entry is not None:
        shown = {item.name for server in cluster.servers for item in server.data}
        yield from lost_literals(code.sources)
        yield from lost_flags((job.config for job in jobs.jobs), code.sources, shown, Path.cwd())


def code_request(
    options: TwoPhaseOptions, cluster: ClusterSpec, layout: RunLayout, here: Path | None
) -> CodeRequest | None:
    """Return what of the user's is to be run; None for a trainer that ships with Twophase."""
    script = _script(options, cluster)
    if script is None and options.module is None:
        if options.project_root is not None:
            raise UsageError("--project-root: a trainer that ships with Twophase has none: leave it out")
        return None
    secrets = files_of_secrets(options.cluster_config, cluster)
    named = (options.cluster_config, options.jobs_config, options.log_file)
    return CodeRequest(
        script,
        options.module,
        options.project_root and expanded(options.project_root, "--project-root"),
        here=here or Path.cwd(),
        written_by_runs=(layout.root, *worker_folders(cluster), *secrets),
        named=tuple(path for path in named if path is not None),
    )


def _script(options: TwoPhaseOptions, cluster: ClusterSpec) -> Path | None:
    if options.script_path is not None:
        return expanded(options.script_path, "--script-path")
    if options.trainer is not None or options.module is not None or cluster.script_path is None:
        return None
    return Path(cluster.script_path)


def _kept(before: CodeStart | None, layout: RunLayout) -> ChosenCode:
    """Return the code of the run's last start.  Raises UsageError and ConfigError."""
    if before is None:
        raise UsageError(f"--code {KEEP}: {layout.root} holds no earlier start whose code is known")
    problem = f"the snapshot of the code is gone or damaged: give --code {NEW}, or put it back"
    return replace(kept_code(before, layout, problem), notes=(GOING_ON,))


def kept_code(before: CodeStart, layout: RunLayout, problem: str) -> ChosenCode:
    """Return code as an earlier start had it.  Raises ConfigError with `problem` where it is not whole."""
    folder = layout.code / before.snapshot
    files = digest_directory(folder)
    if content_hash(files) != before.snapshot:
        raise ConfigError(str(folder), "", problem)
    record = before.record
    sources = Sources(
        folder,
        tuple(Path(file.path) for file in files),
        before.argv,
        entry=Path(record.entry) if record.entry else None,
        why_root=f"--code {KEEP}",
        total_bytes=sum(file.size for file in files),
        shown_at=TRAINER_CODE if started_trainer(before.argv) else "",
    )
    return ChosenCode(sources, record)
