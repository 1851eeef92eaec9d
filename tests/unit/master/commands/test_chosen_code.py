"""Which code a command runs, when the run was started before."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import pytest

from master.code.code_history import CodeStart
from master.code.snapshot import take_snapshot
from master.commands.chosen_code import ChosenCode, choose_code
from master.commands.options.run_two_phase import parse
from master.errors import ConfigError, UsageError
from master.specs import ClusterSpec, ServerSpec
from master.storage.journal_reading import EarlierStarts
from master.storage.run_layout import RunLayout

REQUIRED = ["--cluster-config", "c.json", "--jobs-config", "j.json"]


class Project:
    """A script with a helper and a README, and a run that may have been started before."""

    def __init__(self, root: Path) -> None:
        self.root, self.layout = root / "project", RunLayout(root / "run")
        self.write("train.py", "import helper\n")
        self.write("helper.py", "")
        self.write("README.md", "")
        self.earlier = EarlierStarts()
        self.cluster = ClusterSpec((ServerSpec("localhost", "localhost", state_dir=str(root / "state")),))

    def write(self, name: str, text: str) -> None:
        (self.root / name).parent.mkdir(parents=True, exist_ok=True)
        (self.root / name).write_text(text)

    def choose(self, *flags: str) -> ChosenCode:
        given = (
            [] if "--trainer" in flags or "-m" in flags else ["--script-path", str(self.root / "train.py")]
        )
        return choose_code(parse([*REQUIRED, *given, *flags]), self.cluster, self.layout, self.earlier)

    def start(self) -> CodeStart:
        """Start the run, and let it be remembered."""
        chosen = self.choose()
        program = take_snapshot(chosen.sources, self.layout.code)
        start = CodeStart(chosen.record, program.content_hash, program.argv, time.time())
        self.earlier = EarlierStarts(code=start.as_json())
        return start


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


def test_a_first_start_takes_what_is_there(project: Project) -> None:
    chosen = project.choose()
    assert (chosen.notes, chosen.script) == ((), project.root / "train.py")
    assert project.choose("--code", "new") == chosen


def test_the_same_code_again_needs_no_word(project: Project) -> None:
    project.start()
    assert project.choose().notes == ()


def test_changed_code_is_asked_about_by_name(project: Project) -> None:
    project.start()
    project.write("helper.py", "changed = 1\n")
    project.write("README.md", "changed\n")
    with pytest.raises(UsageError) as caught:
        project.choose()
    text = str(caught.value)
    assert "the code has changed since this run was started: helper.py.\n" in text
    assert "--code keep " in text and "--code new " in text
    assert text.endswith("--run-dir OTHER  to run all again with the code as it is now")


def test_what_is_no_part_of_the_program_is_told_and_not_asked_about(project: Project) -> None:
    project.start()
    project.write("README.md", "changed\n")
    (note,) = project.choose().notes
    assert note == "changed since the run's last start, beside the program: README.md"


def test_going_on_with_the_code_of_now(project: Project) -> None:
    start = project.start()
    project.write("helper.py", "changed = 1\n")
    chosen = project.choose("--code", "new")
    assert "helper.py; results are of mixed code" in chosen.notes[0]
    assert chosen.record.identity != start.record.identity


def test_going_on_with_the_code_of_then(project: Project) -> None:
    start = project.start()
    project.write("helper.py", "changed = 1\n")
    chosen = project.choose("--code", "keep")
    assert chosen.record == start.record
    assert chosen.sources.argv == ("{python}", "train.py")
    assert take_snapshot(chosen.sources, project.layout.code).content_hash == start.snapshot


def test_a_dry_run_says_what_the_run_would_ask(project: Project) -> None:
    project.start()
    project.write("helper.py", "changed = 1\n")
    (note,) = project.choose("--dry-run").notes
    assert "helper.py; the run will ask for --code keep" in note


def test_another_root_is_asked_about_though_the_code_is_the_same(project: Project) -> None:
    project.start()
    with pytest.raises(UsageError, match=r"start in another folder: `project/train\.py`, before `train\.py`"):
        project.choose("--project-root", str(project.root.parent))
    assert project.choose("--code", "keep").sources.argv == ("{python}", "train.py")


def test_there_must_be_code_to_keep(project: Project) -> None:
    with pytest.raises(UsageError, match="holds no earlier start whose code is known"):
        project.choose("--code", "keep")


@pytest.mark.parametrize("damage", ["gone", "changed"])
def test_a_snapshot_that_is_not_what_it_was_is_not_used(project: Project, damage: str) -> None:
    start = project.start()
    folder = project.layout.code / start.snapshot
    if damage == "gone":
        folder.rename(folder.with_name("elsewhere"))
    else:
        (folder / "helper.py").write_text("changed")
    with pytest.raises(ConfigError, match="gone or damaged: give --code new"):
        project.choose("--code", "keep")


def test_what_an_earlier_version_remembered_is_no_reason_to_ask(project: Project) -> None:
    project.earlier = EarlierStarts(code={"of": "another version"})
    assert project.choose().notes == ()


def test_the_cluster_config_does_not_travel(project: Project) -> None:
    project.write("lab.json", "{}")
    before = {str(path) for path in project.choose().sources.files}
    found = project.choose("--cluster-config", str(project.root / "lab.json")).sources
    assert before - {str(path) for path in found.files} == {"lab.json"}
    assert found.passed_over == ("lab.json: may hold secrets",)


def test_what_agents_write_beside_the_script_is_no_code(project: Project) -> None:
    before = project.choose().sources.files
    for name in ("state/agents/a.pyz", "state/lab1/runs/x.py", "work/lab1/cache/x/y.py"):
        project.write(name, "x")
    (server,) = project.cluster.servers
    agent = replace(server.agent, work_dir=str(project.root / "work"))
    server = replace(server, state_dir=str(project.root / "state"), agent=agent)
    project.cluster = replace(project.cluster, servers=(server,))
    found = project.choose().sources
    assert found.files == before
    assert found.passed_over == ("state/: written by runs", "work/: written by runs")


def test_a_state_directory_that_is_the_project_hides_only_what_agents_write(project: Project) -> None:
    before = project.choose().sources.files
    for name in ("agents/a.pyz", "lab1/runs/x.py", "lab1/work/y.py"):
        project.write(name, "x")
    (server,) = project.cluster.servers
    project.cluster = replace(project.cluster, servers=(replace(server, state_dir=str(project.root)),))
    assert project.choose().sources.files == before


def test_a_module_is_started_where_its_package_lies(project: Project) -> None:
    project.write("pkg/train.py", "")
    chosen = project.choose("-m", "pkg.train", "--project-root", str(project.root))
    assert chosen.sources.argv == ("{python}", "-m", "pkg.train")
    assert chosen.script == project.root / "pkg" / "train.py"


def test_a_trainer_has_no_root(project: Project) -> None:
    assert project.choose("--trainer", "probes").script is None
    with pytest.raises(UsageError, match="--project-root: a trainer"):
        project.choose("--trainer", "probes", "--project-root", ".")
