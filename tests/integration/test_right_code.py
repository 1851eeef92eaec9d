"""From the code as the user has it to results that tell which code they are of: real agents, real jobs."""

from __future__ import annotations

import json
import platform
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.needs import missing
from tests.support.runs import ROOT, Run

TRAIN = """
import argparse, json, os, pathlib
import helper

parser = argparse.ArgumentParser()
for name in ("--fold", "--mode", "--prefix", "--seed", "--wait"):
    parser.add_argument(name)
parser.add_argument("--participants", nargs="*")
options = parser.parse_args()
base = options.mode == "base_only"
folder = pathlib.Path(os.environ["TWOPHASE_BASE_MODEL_DIR" if base else "TWOPHASE_OUTPUT_DIR"])
(folder / "out.json").write_text(json.dumps({"helper": helper.VERSION, "cwd": sorted(os.listdir("."))}))
"""
JOBS = [{"participants": ["anna", "bert"], "fold": 0, "seed": seed} for seed in (1, 2)]


def asked(jobs: list[dict[str, Any]]) -> dict[str, Any]:
    """Return a jobs file in which all jobs start from one base model."""
    return {"jobs": jobs, "base_model": {"exclude": ["seed"]}}


class Project:
    """A script that imports a helper, and a run of it."""

    def __init__(self, root: Path, local: dict[str, Any]) -> None:
        self.root = root / "project"
        self.write("train.py", TRAIN)
        self.write("helper.py", "VERSION = 1\n")
        self.write("README.md", "read me\n")
        self.run = Run(root, [local], asked(JOBS), script=self.root / "train.py")

    def write(self, name: str, text: str) -> None:
        (self.root / name).parent.mkdir(parents=True, exist_ok=True)
        (self.root / name).write_text(text)

    def finish(self, *flags: str) -> subprocess.CompletedProcess[str]:
        done = self.run.finish(*flags)
        assert done.returncode == 0, done.stdout + done.stderr
        return done

    def more(self, *seeds: int) -> None:
        """Ask for further jobs."""
        self.run.write("jobs.json", asked([*JOBS, *({**JOBS[0], "seed": seed} for seed in seeds)]))

    def trained(self) -> int:
        return len(list(self.run.layout.base_models.iterdir()))

    def results(self) -> list[dict[str, Any]]:
        """Return what results and their records say, in the order of seeds."""
        folders = [path.parent for path in self.run.layout.experiments.glob("alpha/*/job.json")]
        found = [
            {**json.loads((it / "job.json").read_text()), "out": json.loads((it / "out.json").read_text())}
            for it in folders
        ]
        return sorted(found, key=lambda record: int(record["parameters"]["seed"]))


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.setenv("TWOPHASE_SLOT_DIR", str(tmp_path / "slots"))
    monkeypatch.setenv("TWOPHASE_AGENT_IDLE_S", "20")
    # Beside the script, where it was taken for code.
    state_dir = str(tmp_path / "project" / "state")
    return Project(tmp_path, {"host": "localhost", "gpus": 0, "cpu_slots": 2, "state_dir": state_dir})


def test_a_changed_helper_trains_anew_and_says_why_a_changed_readme_does_not(project: Project) -> None:
    project.finish()
    assert project.trained() == 1
    project.write("README.md", "changed\n")
    project.more(3)
    done = project.finish()
    assert project.trained() == 1
    assert "README.md, which the script does not read as code" in done.stderr

    project.write("helper.py", "VERSION = 2\n")
    project.more(3, 4)
    refused = project.run.finish()
    assert refused.returncode == 2
    assert "the code has changed since this run was started: helper.py." in refused.stderr
    assert "--code keep" in refused.stderr and "--code new" in refused.stderr
    looked = project.finish("--dry-run")
    assert "1 base model is trained again: helper.py changed since" in looked.stdout
    assert "the run will ask for --code keep" in looked.stdout

    done = project.finish("--code", "new")
    assert project.trained() == 2
    assert "1 base model is trained again: helper.py changed since" in done.stderr
    assert "These results are of 2 versions of the code, which differ in helper.py:" in done.stdout
    assert [result["out"]["helper"] for result in project.results()] == [1, 1, 1, 2]
    digests = [result["code"]["digest"] for result in project.results()]
    assert len(set(digests[:3])) == 1 and digests[3] != digests[0]


def test_a_run_goes_on_with_the_code_that_it_was_started_with(project: Project) -> None:
    project.finish()
    project.write("helper.py", "VERSION = 2\n")
    project.more(3)
    done = project.finish("--code", "keep")
    assert project.trained() == 1
    assert [result["out"]["helper"] for result in project.results()] == [1, 1, 1]
    assert len({result["code"]["snapshot"] for result in project.results()}) == 1
    assert "versions of the code" not in done.stdout


def test_a_result_tells_all_of_how_it_came_about(project: Project) -> None:
    done = project.finish()
    first, second = project.results()
    assert first["parameters"] == JOBS[0]
    assert first["command"][:2] == ["python", "train.py"] and "--seed" in first["command"]
    assert len(first["run_id"]) == 32 and first["epoch"] == 1
    assert (first["varied"], second["varied"]) == ({"seed": 1}, {"seed": 2})
    assert set(first["code"]["files"]) == {"train.py", "helper.py"}
    assert (first["worker"], first["attempt"], first["exit_code"]) == ("localhost", 1, 0)
    assert first["python"] == platform.python_version()
    assert first["slot"].startswith("cpu") and first["duration_seconds"] > 0
    (path,) = project.run.layout.base_models.glob("*/manifest.json")
    manifest = json.loads(path.read_text())
    assert first["spec_hash"] == manifest["spec_hash"]
    assert set(manifest["code"]["files"]) == {"train.py", "helper.py"}
    assert set(manifest["code"]["others"]) == {"README.md"}
    assert first["out"]["cwd"] == ["README.md", "helper.py", "train.py"]
    plan = f"Project root: {project.root} (--project-root), 3 files, "
    assert plan in done.stdout
    again = project.finish("--dry-run")
    assert "Not copied: state/: written by runs" in again.stdout


def test_a_module_runs_in_its_package_warm_or_not(project: Project) -> None:
    for name in ("train.py", "helper.py"):
        (project.root / "pkg").mkdir(exist_ok=True)
        (project.root / name).rename(project.root / "pkg" / name)
    project.write("pkg/train.py", TRAIN.replace("import helper", "from . import helper"))
    project.run.script = None
    module = ("-m", "pkg.train", "--project-root", str(project.root))
    missing_module = project.run.finish("-m", "pkg.trian", "--project-root", str(project.root))
    assert missing_module.returncode == 3
    assert "there is neither pkg/trian/__main__.py nor pkg/trian.py" in missing_module.stderr
    project.finish(*module)
    project.more(3)
    project.finish(*module, "--executor", "warm")
    assert [result["out"]["helper"] for result in project.results()] == [1, 1, 1]
    assert [result["executor"] for result in project.results()] == ["process", "process", "warm"]
    assert set(project.results()[0]["code"]["files"]) == {"pkg/train.py", "pkg/helper.py"}


def test_a_script_in_a_repository_starts_at_its_top_as_by_hand(project: Project) -> None:
    if shutil.which("git") is None:
        missing("git is not installed")
    subprocess.run(["git", "init", "-q", str(project.root)], check=True)
    project.write(".gitignore", "state\nrun\nignored\n")
    project.write("ignored/data.csv", "")
    for name in ("train.py", "helper.py"):
        (project.root / "src").mkdir(exist_ok=True)
        (project.root / name).rename(project.root / "src" / name)
    project.run.write("jobs.json", [{**job, "wait": "ignored/data.csv"} for job in JOBS])
    project.run.script = None
    argv = project.run.argv("--script-path", "src/train.py")
    done = subprocess.run(
        argv, cwd=project.root, env=project.run.environ(), capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"Project root: {project.root} (the git repository), 4 files" in done.stdout
    assert "Not copied: ignored/: ignored by git" in done.stdout
    assert "--wait: ignored/data.csv exists here and not in the folder where jobs start" in done.stderr
    assert project.results()[0]["out"]["cwd"] == [".gitignore", "README.md", "src"]
    assert project.results()[0]["code"]["entry"] == "src/train.py"


def test_analyze_jobs_looks_base_models_up_by_the_same_identity(project: Project) -> None:
    project.finish()
    jobs, cluster = (str(project.run.root / name) for name in ("jobs.json", "cluster.json"))
    command = [sys.executable, "-m", "master.commands.analyze_jobs"]
    argv = [*command, jobs, "--json", "--cluster-config", cluster]
    given = ["--script-path", str(project.root / "train.py"), "--run-dir", str(project.run.layout.root)]
    done = subprocess.run([*argv, *given], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    (base,) = json.loads(done.stdout)["base_models"]
    assert (project.run.layout.base_model(base["spec_hash"]) / "manifest.json").exists()
