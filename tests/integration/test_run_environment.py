"""`setup`, keys, and what is missing, through a whole run on this machine."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.runs import Run

SECRET = "s3cr3t-51aa"
TRAIN = """
import os
if os.environ["TWOPHASE_PHASE"] == "1":
    open(os.environ["TWOPHASE_BASE_MODEL_DIR"] + "/weights", "w").close()
assert os.environ["KEY"] == "s3cr3t" + "-51aa" and os.environ["TOKEN"] == "from file"
print(os.environ["LOADED"], os.environ["PWD"] == os.getcwd())
"""


@pytest.fixture(autouse=True)
def own_slots(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TWOPHASE_SLOT_DIR", str(tmp_path / "slots"))
    monkeypatch.setenv("TWOPHASE_AGENT_IDLE_S", "20")
    monkeypatch.setenv("TWOPHASE_SETUP_S", "20")


def planned(folder: Path, text: str = TRAIN, **settings: Any) -> Run:
    """Return a run of two jobs of a script on a worker with these settings."""
    script = folder / "code" / "train.py"
    script.parent.mkdir()
    script.write_text(text)
    worker = {"host": "localhost", "gpus": 0, "cpu_slots": 2, "state_dir": str(folder / "state"), **settings}
    return Run(folder, [worker], [{"seed": 1}, {"seed": 2}], script=script)


def with_secret(folder: Path) -> list[Path]:
    files = [path for path in folder.rglob("*") if path.is_file()]
    return [path for path in files if SECRET.encode() in path.read_bytes()]


def test_jobs_have_what_setup_made_and_keys_that_no_file_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KEY", SECRET)
    keys = tmp_path / "keys.env"
    keys.write_text("TOKEN='from file'\n")
    keys.chmod(0o600)
    run = planned(tmp_path, setup="export LOADED=cuda", env_from=["KEY"], env_file=str(keys))
    done = run.finish()
    assert done.returncode == 0, done.stdout + done.stderr
    assert SECRET not in done.stdout + done.stderr
    logs = [path.read_text() for path in run.layout.log("x", 1).parent.rglob("*") if path.is_file()]
    assert [text for text in logs if "cuda True" in text]
    assert with_secret(tmp_path) == []


def test_a_key_that_is_not_set_is_told_before_anything_starts(tmp_path: Path) -> None:
    done = planned(tmp_path, env_from=["NOSUCH_KEY"]).finish("--dry-run")
    assert done.returncode == 3 and "env_from: NOSUCH_KEY is not set here" in done.stderr


def test_a_setup_that_fails_is_told_by_the_plan_and_by_the_run(tmp_path: Path) -> None:
    run = planned(tmp_path, setup=["true", "echo no licence; read -p 'Password: ' x"])
    told = "localhost: setup: line 2 (`echo no licence; read -p 'Password: ' x`) failed with exit code 1;"
    dry = run.finish("--dry-run")
    assert dry.returncode != 0 and f"\n{told} it printed no licence" in dry.stdout
    done = run.finish()
    assert done.returncode == dry.returncode and told in done.stderr, done.stderr


def test_what_is_missing_is_told_by_the_plan(tmp_path: Path) -> None:
    script = "import json\ntry:\n    import maybe\nexcept ImportError:\n    pass\nimport nosuchmodule"
    run = planned(tmp_path, script, data={"data": "/nosuch/data"})
    module = f"localhost: no module nosuchmodule in {sys.executable}, and the script imports it in any case: "
    folder = "\n    no directory /nosuch/data, which `data` names: put the data there"
    dry = run.finish("--dry-run")
    assert f"\n{module}" in dry.stdout and folder in dry.stdout and "maybe" not in dry.stdout
    (worker,) = json.loads(run.finish("--dry-run", "--json").stdout)["workers"]
    assert (worker["reachable"], worker["reason"].count("\n")) == (False, 1)
    done = run.finish()
    assert dry.returncode == done.returncode == 4 and module in done.stderr


def test_a_module_that_the_script_may_do_without_is_told_by_the_plan(tmp_path: Path) -> None:
    run = planned(tmp_path, "import nosuchmodule")
    dry = run.finish("--dry-run", "--ignore-missing-modules")
    assert f"\nlocalhost: no module nosuchmodule in {sys.executable}\n" in dry.stdout
    (worker,) = json.loads(run.finish("--dry-run", "--json", "--ignore-missing-modules").stdout)["workers"]
    assert (worker["reachable"], len(worker["missing"])) == (True, 1)


def test_what_is_missing_is_told_as_the_worker_comes_up(tmp_path: Path) -> None:
    # Long enough for the look, which holds no job up.
    run = planned(tmp_path, "import time\ntime.sleep(5)\nimport nosuchmodule")
    done = run.finish("--ignore-missing-modules")
    assert f"localhost: no module nosuchmodule in {sys.executable}" in done.stderr, done.stderr
