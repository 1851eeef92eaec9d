"""Reads the file of jobs that `--config` names; `docs/run_all_training.md` describes it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn, TypeVar

from master.code.project_root import file_of_module, is_module_name
from master.core.flags.spelling import CannotBeSaid, said
from master.core.nearest import shown, unknown
from master.core.planning.job_settings import (
    COLLECT_RULES,
    GPU_MEMORY,
    JOB_EXECUTOR,
    JOB_ID,
    STALL_TIMEOUT,
    TIMEOUT,
    JobSetting,
)
from master.intake.executors import executor_problem
from master.intake.strict_json import Node, read_document, spelled
from master.orchestrator.discovery import SPELLINGS, Script, read_script, shown_path
from master.orchestrator.jobs import RESIDENT_PROBLEM, TrainingJob
from master.orchestrator.names import id_of, id_of_name, output_of
from worker_agent.protocol.script_contract import flags

T = TypeVar("T")

_SUPPORTS = {f"supports_{what}": what for what in SPELLINGS}
_ALSO = {"supports_batch_size": "batch"}
_SETTINGS = (JOB_ID, TIMEOUT, STALL_TIMEOUT, GPU_MEMORY, JOB_EXECUTOR, COLLECT_RULES)
OWN_KEYS = (
    *("name", "script", "output", "args", "optional", "use_output_dir"),
    *(setting.name for setting in _SETTINGS),
)
MODULE = "module"
"""In the place of `script`."""
_KEYS = (*OWN_KEYS, MODULE, *_SUPPORTS, *_ALSO)


@dataclass(frozen=True)
class JobsFile:
    """What a file lists, and notes about what in it is not read."""

    jobs: tuple[TrainingJob, ...] = ()
    notes: tuple[str, ...] = ()


def read_jobs_file(path: Path, project: Path) -> JobsFile:
    """Return the jobs of a file (YAML by its ending, else JSON); scripts are relative to `project`.

    Raises ConfigError, with the place in the file.  Unknown keys are noted: other tools have theirs.
    """
    top = read_document(path).root
    notes = [*_not_read(top, ("jobs",))]
    listed = top.get("jobs")
    if listed is None or not listed.as_list():
        top.fail("`jobs` must be a list of at least one job like {name: als, script: training/train_als.py}")
    jobs: dict[str, TrainingJob] = {}
    for node in listed.items():
        job = _job(node, project)
        if other := jobs.get(job.job_id.lower()):
            both = f"{shown_path(other.script, project)} and {shown_path(job.script, project)}"
            node.fail(f"{both} have the id {shown(job.job_id)} both: give one another `id`")
        jobs[job.job_id.lower()] = job
        notes += _not_read(node, _KEYS)
    return JobsFile(tuple(jobs.values()), tuple(notes))


def _not_read(node: Node, known: tuple[str, ...]) -> Iterator[str]:
    """Yield a note for each key of an object that is not known."""
    for key, member in node.members():
        if key not in known:
            place = f"{spelled(member.trail)} (line {member.document.line_of(member.trail)})"
            yield f"{node.document.source}: {place} is passed over: {unknown(key, known)}"


def _job(node: Node, project: Path) -> TrainingJob:
    node.as_object()
    module = _module(node)
    script = _file_of(node, module, project) if module else _script(node, project)
    read = read_script(script)
    name, output, args = (node.get(key) for key in ("name", "output", "args"))
    named = id_of_name(name.string()) if name else ""
    job_id = _setting(node, JOB_ID) or named or id_of(module or script.stem)
    return TrainingJob(
        job_id,
        name=name.string() if name else job_id,
        script=script,
        output=_output(output) if output else output_of(job_id),
        takes=_takes(node, read.takes),
        module=module,
        args=tuple(_args(args, read)) if args else (),
        optional=_is_true(node.get("optional"), default=False),
        timeout_s=_setting(node, TIMEOUT),
        stall_timeout_s=_setting(node, STALL_TIMEOUT),
        gpu_bytes=_setting(node, GPU_MEMORY),
        executor=_executor(node.get(JOB_EXECUTOR.name)),
        collect=_setting(node, COLLECT_RULES),
        discovered=False,
        problem=read.problem,
    )


def _module(node: Node) -> str:
    """Return the module that a job is, as for `python -m`; empty where it is a script."""
    module = node.get(MODULE)
    if module is None:
        return ""
    if node.get("script") is not None:
        module.fail("is given with `script`: give one of them")
    if not is_module_name(name := module.string()):
        module.fail(f"{shown(name)} is no module's name: give one such as package.train")
    return name


def _file_of(node: Node, module: str, project: Path) -> Path:
    found = file_of_module(module, project)
    if found is None:
        stem = module.replace(".", "/")
        node.fail(f"`{MODULE}`: there is neither {stem}.py nor {stem}/__main__.py in the current directory")
    return Path(os.path.normpath(project / found))


def _script(node: Node, project: Path) -> Path:
    script = node.get("script")
    if script is None:
        node.fail(f"`script` is missing: the path of a training script, or `{MODULE}`, such as package.train")
    path = Path(os.path.normpath(project / Path(script.string()).expanduser()))
    if not path.is_file():
        script.fail(f"{path} does not exist: paths are relative to the current directory")
    if path.suffix != ".py" and not os.access(path, os.X_OK):
        script.fail(f"{shown(path.name)} is no Python script (by its name) nor executable: `chmod +x` it")
    return path


def _output(node: Node) -> str:
    text = node.string()
    if (
        text.startswith(("/", "~"))
        or "," in text
        or any(part in ("", ".", "..") for part in text.rstrip("/").split("/"))
    ):
        node.fail(
            f"{shown(text)} is not allowed: give a relative path without `..` and commas, such as als_results"
        )
    return text.rstrip("/")


def _takes(node: Node, found: Mapping[str, str]) -> dict[str, str]:
    """Return what the script's text tells, corrected by what the file says."""
    takes = dict(found)
    for key, what in (_SUPPORTS | _ALSO).items():
        if (given := node.get(key)) is None:
            continue
        if _is_true(given, default=True):
            takes.setdefault(what, f"--{SPELLINGS[what][0]}")
        else:
            takes.pop(what, None)
    if not _is_true(node.get("use_output_dir"), default=True):
        takes.pop("output_dir", None)
    return takes


def _args(node: Node, script: Script) -> Iterator[str]:
    """Yield the words of `args`: a list as it stands, an object as flags that the script declares."""
    if isinstance(node.value, dict):
        for name, item in node.members():
            _check_scalars(item)
            yield from _words(_spelling(name, script.declared), item, script)
        return
    if not isinstance(node.value, list):
        node.fail("must be a list of words, or an object of flags and their values")
    for item in node.items():
        _check_scalars(item)
        if isinstance(item.value, (list, bool)):
            item.fail("must be a word: put it in quotes")
        yield str(item.value)


def _words(name: str, item: Node, script: Script) -> Iterator[str]:
    """Yield the words for one flag: true and false as the script declares them, all else as ever."""
    flag = script.flags.by_name.get(name)
    if flag is None or not isinstance(item.value, bool):
        yield from flags({name: item.value})
        return
    try:
        yield from said(flag, item.value)
    except CannotBeSaid as error:
        item.fail(str(error))


def _spelling(name: str, declared: frozenset[str]) -> str:
    """Return a key of `args` as the script spells its flag, where its text does not tell in the usual way."""
    if name in declared:
        return name
    if name == "batch":
        return next((known for known in SPELLINGS[name] if known in declared), SPELLINGS[name][0])
    return name.replace("_", "-")


def _check_scalars(node: Node) -> None:
    for value in node.value if isinstance(node.value, list) else [node.value]:
        if isinstance(value, (dict, list)):
            _refuse_nested(node)


def _refuse_nested(node: Node) -> NoReturn:
    node.fail("is nested too deep: allowed are values, and lists of values")


def _is_true(node: Node | None, *, default: bool) -> bool:
    if node is None:
        return default
    if not isinstance(node.value, bool):
        node.fail("must be true or false")
    return bool(node.value)


def _setting(job: Node, setting: JobSetting[T]) -> T | None:
    """Return a setting of a job, checked as those of a two-phase run are."""
    given = job.get(setting.name)
    if given is None:
        return None
    if problem := setting.problem(given.value):
        given.fail(problem)
    return setting.kind.parse(given.value)


def _executor(node: Node | None) -> str | None:
    if node is None:
        return None
    if problem := executor_problem(node.value, RESIDENT_PROBLEM):
        node.fail(problem)
    return str(node.value)
