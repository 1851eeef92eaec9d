"""What a file says of its stages, and what is wrong with it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from master.errors import ConfigError
from master.intake.stages.file import Stages, has_stages, read_stages
from master.intake.stages.links import StageCode, read_staged_jobs
from master.intake.strict_json import parse_document

ROOT = Path(__file__).parents[5]
SCHEMA = json.loads((ROOT / "docs/jobs.schema.json").read_text())
JOBS = [{"lr": 0.1}]
MAKES = {"name": "base", "script": "base.py", "jobs": JOBS}
USES = {"name": "tune", "from": "base", "script": "tune.py", "jobs": JOBS}


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("base.py", "tune.py"):
        (tmp_path / name).touch()
    return tmp_path


def read(*stages: Any, **more: Any) -> Stages:
    return read_stages(parse_document(json.dumps({"stages": list(stages), **more}, indent=1), "stages.json"))


def test_each_stage_has_its_script_and_its_jobs(here: Path) -> None:
    jsonschema.Draft202012Validator(SCHEMA).validate({"stages": [MAKES, USES]})
    stages = read(MAKES, USES)
    assert (stages.makes.name, stages.makes.script) == ("base", here / "base.py")
    assert (stages.uses.name, stages.uses.script, stages.uses.jobs.value) == ("tune", here / "tune.py", JOBS)
    assert stages.source == "stages.json"


def test_the_example_of_the_documentation_is_read(here: Path) -> None:
    page = (ROOT / "docs" / "jobs.md").read_text().split("the file says so:\n\n")[1]
    for name in ("train_base.py", "finetune.py"):
        (here / name).touch()
    value = json.loads(page.split("\n\n")[0])
    jsonschema.Draft202012Validator(SCHEMA).validate(value)
    jobs = read_staged_jobs(read(*value["stages"]), StageCode("script:1"), StageCode("script:2"))
    assert (len(jobs.jobs), len(jobs.base_models)) == (30, 2)


def test_jobs_may_lie_in_a_file_of_their_own(here: Path) -> None:
    (here / "jobs.yaml").write_text("grid: {lr: [0.1, 0.2]}\n")
    found = read(MAKES, {**USES, "jobs": "jobs.yaml"}).uses.jobs
    assert (found.value, found.document.source) == ({"grid": {"lr": [0.1, 0.2]}}, str(here / "jobs.yaml"))


@pytest.mark.parametrize(("value", "has"), [([], False), ({"jobs": []}, False), ({"stages": []}, True)])
def test_a_file_of_stages_is_known_by_its_word(value: Any, has: bool) -> None:
    assert has_stages(parse_document(json.dumps(value), "jobs.json")) is has


@pytest.mark.parametrize(
    ("stages", "problem"),
    [
        ((), "must be two stages"),
        ((MAKES,), r"stages \(line 2\).*must be two stages"),
        ((MAKES, USES, USES), "must be two stages"),
        ((MAKES, {**USES, "from": "bose"}), r"no stage before is called `bose`: did you mean `base`"),
        ((MAKES, MAKES), "the stage before is called `base`, too"),
        ((MAKES, {**USES, "from": None}), "`from` is missing"),
        (({**MAKES, "from": "tune"}, USES), "`from` is unknown"),
        (({**MAKES, "scrpt": "x"}, USES), "`scrpt` is unknown: did you mean `script`"),
        ((MAKES, {**USES, "script": "gone.py"}), r"stages\[1\]\.script .*gone\.py does not exist"),
        ((MAKES, {"name": "tune", "from": "base", "script": "tune.py"}), "`jobs` is missing"),
        ((MAKES, {**USES, "jobs": "gone.json"}), "there is no such file"),
        ((MAKES, {**USES, "jobs": {"grd": {}}}), "`grd` is unknown"),
    ],
)
def test_mistakes_are_named_with_their_place(stages: tuple[Any, ...], problem: str) -> None:
    with pytest.raises(ConfigError, match=problem):
        read(*stages)


def test_other_keys_beside_stages_are_refused() -> None:
    with pytest.raises(ConfigError, match="`grid` is unknown"):
        read(MAKES, USES, grid={"lr": [1]})


def test_stages_that_are_no_list_are_refused_before_what_stands_beside_them() -> None:
    text = json.dumps({"stages": {"name": "base"}, "grid": {"lr": [1]}})
    with pytest.raises(ConfigError, match=r"stages \(line 1\): must be a list, but is an object"):
        read_stages(parse_document(text, "stages.json"))
