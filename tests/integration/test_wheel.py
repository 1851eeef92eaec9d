"""A wheel, without the packages that trainers need: its commands, and the files that the pages name."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = ("master", "trainers", "worker_agent", "examples", "docs")
TOPS = ("twophase.py", "pyproject.toml", "README.md", "LICENSE")
HEAVY = ("torch", "numpy", "h5py", "sklearn")
SHARED = "twophase-0.1.0.data/data/share/twophase/"

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("setuptools") is None,
    reason="needs setuptools to build a wheel without a network",
)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder that a wheel of this checkout was unpacked to."""
    root = tmp_path_factory.mktemp("wheel")
    source = root / "source"
    for name in SOURCES:
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in TOPS:
        shutil.copy(ROOT / name, source)
    argv = [sys.executable, "-m", "pip", "wheel", ".", "--no-deps", "--no-build-isolation", "-w", str(root)]
    subprocess.run(argv, cwd=source, check=True, capture_output=True, timeout=200)
    (built,) = root.glob("*.whl")
    zipfile.ZipFile(built).extractall(root / "unpacked")
    return root / "unpacked"


def run(wheel: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run a command of the wheel where nothing that trainers need is installed."""
    lacking = wheel.parent / "lacking"
    lacking.mkdir(exist_ok=True)
    for name in HEAVY:
        text = f"raise ModuleNotFoundError(\"No module named '{name}'\", name={name!r})\n"
        (lacking / f"{name}.py").write_text(text)
    env = {**os.environ, "PYTHONPATH": f"{wheel}:{lacking}"}
    argv = [sys.executable, "-m", "twophase", *words]
    return subprocess.run(argv, cwd=wheel.parent, env=env, capture_output=True, text=True, timeout=120)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("train_probes", "--help"), "pip install"),
        (("analyze_jobs", "--version"), "analyze_jobs 0.1.0"),
        (("run_two_phase", "--version"), "run_two_phase 0.1.0"),
        (("run_all_training", "--version"), "run_all_training 0.1.0"),
        (("worker_agent", "--version"), "worker_agent 0.1.0"),
        (("worker_agent", "gpus"), "slots"),
    ],
)
def test_commands_work_without_what_trainers_need(wheel: Path, words: tuple[str, ...], said: str) -> None:
    done = run(wheel, *words)
    assert done.returncode == 0, done.stderr
    assert said in done.stdout


def test_training_says_what_to_install(wheel: Path) -> None:
    done = run(wheel, "train_probes", "--activations", "x.h5")
    assert (done.returncode, "Traceback" in done.stderr) == (1, False)
    named = re.search(r"No module named '(\w+)': ", done.stderr)
    assert named and named[1] in HEAVY and "pip install 'twophase[trainers]'" in done.stderr


def test_training_an_autoencoder_says_what_to_install(wheel: Path) -> None:
    done = run(wheel, "train_sae", "--activation-path", "x.npy")
    assert (done.returncode, "Traceback" in done.stderr) == (1, False)
    assert "No module named" in done.stderr and "pip install 'twophase[trainers]'" in done.stderr


def test_training_models_of_tables_says_what_to_install_and_help_needs_nothing(wheel: Path) -> None:
    for words in (("train_tabular", "--data", "x.csv"), ("predict_tabular", "model", "x.csv")):
        done = run(wheel, *words)
        assert (done.returncode, "Traceback" in done.stderr) == (1, False)
        assert "pip install 'twophase[trainers,tabular]'" in done.stderr
        help_ = run(wheel, words[0], "--help")
        assert help_.returncode == 0 and f"{words[0]} " in help_.stdout


def test_every_command_is_an_entry_point(wheel: Path) -> None:
    text = next(wheel.glob("*.dist-info/entry_points.txt")).read_text()
    assert re.findall(r"^(\w+) = ", text, re.MULTILINE) == [
        *("analyze_jobs", "predict_tabular", "run_all_training", "run_two_phase", "train_pmssm"),
        *("train_probes", "train_sae", "train_tabular", "twophase", "worker_agent"),
    ]


def test_examples_and_schemas_that_the_pages_name_are_there(wheel: Path) -> None:
    pages = [ROOT / "README.md", *(ROOT / "docs").glob("*.md"), ROOT / "examples" / "README.md"]
    text = "\n".join(page.read_text() for page in pages)
    named = set(re.findall(r"\bexamples/[\w/]+(?:\.\w+)?", text))
    named |= {f"docs/{name}" for name in re.findall(r"\b\w+\.schema\.json", text)}
    assert len(named) > 8
    assert [name for name in sorted(named) if not (wheel / SHARED / name).exists()] == []
