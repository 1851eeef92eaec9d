"""Jobs that are added with a program of their own: its name, its code, and the next start."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from master.code.code_history import CodeStart
from master.code.trainer_manifest import TrainerManifest
from master.commands.additions.programs import ADDITION, Additions
from master.commands.job_reading import ReadingContext
from master.commands.options.run_two_phase import parse
from master.core.flags.declared import ScriptFlags
from master.core.running.orders.of_jobs import AddJobs, AskedProgram
from master.core.running.orders.order import By, Ordered
from master.errors import ConfigError, TwophaseError, UsageError
from master.intake.cluster import this_machine
from master.runs.script_jobs import ScriptJobs
from master.runs.spec import NO_JOBS, Known, MoreJobs
from master.storage.journal_reading import EarlierStarts
from master.storage.run_layout import RunLayout

NOTHING = Known({})
JOBS = [{"lr": 1}, {"lr": 2}]


@pytest.fixture
def additions(tmp_path: Path) -> Additions:
    options = parse(["--jobs-config", "none.json", "--timeout", "60"])
    context = ReadingContext(options, this_machine(), RunLayout(tmp_path / "run"), EarlierStarts())
    return Additions(context, None)


def script(tmp_path: Path, text: str = "pass\n", folder: str = "code", name: str = "train.py") -> str:
    path = tmp_path / folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    return str(path)


def asked(jobs: Any = JOBS, name: str = "", **program: str) -> AddJobs:
    return AddJobs(text=json.dumps(jobs), program=AskedProgram(**program), name=name)


def taken(more: MoreJobs, layout: RunLayout, known: Known = NOTHING) -> tuple[AddJobs, Known]:
    """Return an order as it is remembered, and what the run has then."""
    assert more.work
    code = more.work.take(layout)
    assert code.start
    ids = {job.job_hash: job.job_id for job in more.jobs.jobs}
    order = replace(more.order, code=json.loads(json.dumps(code.start.as_json())), ids=ids)
    names = {**{order.name: code.start}, **known.additions}
    return order, replace(known, ids={**known.ids, **ids}, additions=names)


def test_an_addition_is_called_by_its_program_and_so_are_its_results(
    additions: Additions, tmp_path: Path
) -> None:
    more = additions.read_more(asked(script=script(tmp_path)), NOTHING)
    assert more.order.name == "train"
    assert [job.job_id for job in more.jobs.jobs] == ["train/lr=1", "train/lr=2"]
    assert {job.addition for job in more.jobs.jobs} == {"train"}
    assert [job.config[ADDITION] for job in more.jobs.jobs] == ["train", "train"]
    assert isinstance(more.work, ScriptJobs) and more.work.limits.timeout_s == 60


def test_a_job_says_its_own_prefix(additions: Additions, tmp_path: Path) -> None:
    more = additions.read_more(asked([{"lr": 1, "prefix": "mine"}], script=script(tmp_path)), NOTHING)
    assert [job.job_id for job in more.jobs.jobs] == ["mine/job"]


def test_what_a_job_says_of_its_addition_does_not_count(additions: Additions, tmp_path: Path) -> None:
    more = additions.read_more(asked([{"lr": 1, ADDITION: "other"}], script=script(tmp_path)), NOTHING)
    assert more.jobs.jobs[0].config[ADDITION] == "train"


def test_equal_jobs_of_unchanged_code_are_the_same_jobs_and_of_other_code_others(
    additions: Additions, tmp_path: Path
) -> None:
    layout = additions.context.layout
    first = additions.read_more(asked(script=script(tmp_path)), NOTHING)
    _, known = taken(first, layout)
    again = additions.read_more(asked(script=script(tmp_path)), known)
    assert again.jobs.without(known.ids).jobs == () and again.order.name == "train"
    other = additions.read_more(asked(script=script(tmp_path, "import os\n")), known)
    assert other.order.name == "train-2" and len(other.jobs.without(known.ids).jobs) == 2
    assert [job.job_id for job in other.jobs.jobs] == ["train-2/lr=1", "train-2/lr=2"]


def test_a_file_beside_the_script_that_changed_makes_it_another_addition(
    additions: Additions, tmp_path: Path
) -> None:
    path = script(tmp_path)
    (Path(path).parent / "settings.yaml").write_text("a: 1\n")
    _, known = taken(additions.read_more(asked(script=path), NOTHING), additions.context.layout)
    (Path(path).parent / "settings.yaml").write_text("a: 2\n")
    assert additions.read_more(asked(script=path), known).order.name == "train-2"


def test_the_code_of_an_addition_does_not_depend_on_where_its_master_works(
    additions: Additions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pyproject.toml").touch()
    (tmp_path / "beside.py").write_text("pass\n")
    path, names = script(tmp_path), list[str]()
    (tmp_path / "gone").mkdir()
    for place in (tmp_path, Path(path).parent, tmp_path / "gone"):
        monkeypatch.chdir(place)
        if place.name == "gone":
            place.rmdir()
        work = additions.read_more(asked(script=path), NOTHING).work
        assert isinstance(work, ScriptJobs)
        names.append(str(work.sources.root))
    assert names == [str(tmp_path.resolve())] * 3


def test_a_name_belongs_to_one_code(additions: Additions, tmp_path: Path) -> None:
    more = additions.read_more(asked(name="mine", script=script(tmp_path)), NOTHING)
    _, known = taken(more, additions.context.layout)
    with pytest.raises(UsageError, match="--name mine: the jobs of that name run other code"):
        additions.read_more(asked(name="mine", script=script(tmp_path, "import os\n")), known)


def test_base_models_are_those_of_its_own_code(additions: Additions, tmp_path: Path) -> None:
    jobs = {"base_model": {"include": ["width"]}, "jobs": [{"lr": 1, "width": 4}]}
    one = additions.read_more(asked(jobs, script=script(tmp_path)), NOTHING)
    same = additions.read_more(asked(jobs, name="again", script=script(tmp_path)), NOTHING)
    other = additions.read_more(asked(jobs, script=script(tmp_path, "import os\n")), NOTHING)
    assert one.jobs.base_models.keys() == same.jobs.base_models.keys() != other.jobs.base_models.keys()


@pytest.mark.parametrize(
    ("program", "says"),
    [
        ({}, "this master has no program of its own: give --script-path"),
        ({"script": "/nowhere/train.py"}, "there is no such script"),
        ({"script": "train.py"}, "give its whole path"),
        ({"trainer": "sea"}, "--trainer: .*did you mean `sae`"),
        ({"trainer": "sae", "module": "x"}, "give one of --script-path, -m and --trainer"),
        ({"trainer": "sae", "project_root": "/tmp"}, "--project-root"),
        ({"script": "/lab/\0.py"}, "give its whole path"),
        ({"script": __file__, "project_root": "/lab/\0"}, "--project-root .*: give its whole path"),
        ({"script": __file__, "flag_style": "posix"}, "--flag-style: `posix` is unknown"),
        ({"module": "lab.train"}, "-m `lab.train`: give --project-root"),
        ({"flag_style": "bare"}, "give one of --script-path, -m and --trainer"),
    ],
)
def test_a_program_that_cannot_be_is_told(
    additions: Additions, program: Mapping[str, str], says: str
) -> None:
    with pytest.raises(TwophaseError, match=says):
        additions.read_more(asked(**program), NOTHING)


def test_jobs_that_a_trainer_does_not_take_are_told(additions: Additions) -> None:
    with pytest.raises(ConfigError, match="the jobs"):
        additions.read_more(asked([{"no_such_flag": 1}], trainer="sae"), NOTHING)


def test_the_next_start_has_them_by_their_names_with_the_code_as_it_was(
    additions: Additions, tmp_path: Path
) -> None:
    layout = additions.context.layout
    path = script(tmp_path)
    order, known = taken(additions.read_more(asked(script=path), NOTHING), layout)
    trainer = asked([{"latent_dim": 8}], trainer="sae")
    sae, known = taken(additions.read_more(trainer, known), layout, known)
    Path(path).unlink()
    by = By(1, "anna", 1)
    orders = [Ordered(0.0, by, each) for each in (order, sae, order)]
    jobs, found, notes = additions.with_added(NO_JOBS, orders, {})
    assert notes == []
    assert [(job.job_id, job.job_hash) for job in jobs.jobs] == [
        (job_id, job_hash) for job_hash, job_id in known.ids.items()
    ]
    assert [more.order.name for more in found] == ["train", "sae"]
    for more, given in zip(found, (order, sae), strict=True):
        assert more.work
        start = more.work.take(layout).start
        assert start == CodeStart.from_json(given.code)


def test_an_addition_whose_code_is_damaged_is_left_out_and_told(additions: Additions, tmp_path: Path) -> None:
    layout = additions.context.layout
    order, _ = taken(additions.read_more(asked(script=script(tmp_path)), NOTHING), layout)
    (layout.code / order.code["snapshot"] / "train.py").write_text("changed\n")
    jobs, found, (note,) = additions.with_added(NO_JOBS, [Ordered(0.0, By(1, "a", 1), order)], {})
    assert (jobs.jobs, found) == ((), [])
    assert "2 jobs" in note and "its snapshot is gone or damaged: put it back" in note


def test_what_a_trainer_takes_is_found_out_once(
    additions: Additions, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked_for: list[str] = []
    flags = TrainerManifest.flags

    def counted(manifest: TrainerManifest) -> ScriptFlags:
        asked_for.append(manifest.name)
        return flags(manifest)

    monkeypatch.setattr(TrainerManifest, "flags", counted)
    for number in range(3):
        additions.read_more(asked([{"latent_dim": 8, "id": f"job{number}"}], trainer="sae"), NOTHING)
    assert asked_for == ["sae"]
