"""Which jobs one preloaded process can serve."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from worker_agent.executors import recipes as recipes_module
from worker_agent.executors.base import Invocation
from worker_agent.executors.imports import NotPythonError
from worker_agent.executors.recipes import Recipes

PYTHON = "/usr/bin/python3"


def job(cwd: Path, *words: str, env: dict[str, str] | None = None) -> Invocation:
    return Invocation([PYTHON, *words], env or {}, str(cwd), str(cwd / "log"))


def test_a_recipe_is_interpreter_imports_and_what_jobs_share_of_the_environment(tmp_path: Path) -> None:
    env = {"LANG": "C", "TWOPHASE_JOB_ID": "a", "CUDA_VISIBLE_DEVICES": "1"}
    recipe = Recipes().of(job(tmp_path, "-c", "import json", env=env))
    assert recipe == (PYTHON, (("json", ()),), frozenset({("LANG", "C")}))


def test_jobs_that_differ_in_their_flags_alone_share_a_recipe(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text("import json\n")
    recipes = Recipes()
    first, second = (recipes.of(job(tmp_path, "train.py", "--lr", rate)) for rate in ("1", "2"))
    assert first == second
    assert recipes.of(job(tmp_path, "train.py", env={"LANG": "C"})) != first


def test_a_setting_of_the_program_is_part_of_the_environment(tmp_path: Path) -> None:
    text = "import os\nos.environ['LANG'] = 'C'\nimport json\n"
    assert ("LANG", "C") in Recipes().of(job(tmp_path, "-c", text))[2]


def test_a_program_is_read_again_only_once_it_has_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []
    needs_of = recipes_module.needs_of
    monkeypatch.setattr(recipes_module, "needs_of", lambda it: (read.append(it.source), needs_of(it))[1])
    script, recipes = tmp_path / "train.py", Recipes()
    script.write_text("import json\n")
    before = [recipes.of(job(tmp_path, "train.py")) for _ in range(2)]
    script.write_text("import csv\n")
    os.utime(script, ns=(1, 1))
    after = recipes.of(job(tmp_path, "train.py"))
    assert read == ["import json\n", "import csv\n"]
    assert [recipe[1] for recipe in (*before, after)] == [(("json", ()),), (("json", ()),), (("csv", ()),)]


def test_what_cannot_be_read_is_said_with_its_name(tmp_path: Path) -> None:
    with pytest.raises(NotPythonError, match=r"train\.py cannot be read: No such file"):
        Recipes().of(job(tmp_path, "train.py"))
