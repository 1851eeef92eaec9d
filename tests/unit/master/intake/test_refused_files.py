"""What users' files may not hold: told with its place, and by the schema where that can see it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from master.errors import ConfigError
from master.intake.cluster import parse_cluster
from master.intake.jobs import parse_jobs

ROOT = Path(__file__).parents[4]
CASES = Path(__file__).parent / "cases"


@dataclass(frozen=True)
class Format:
    """A file that users write."""

    source: str
    parse: Callable[[str, str], object]
    schema: str
    cases: str

    def validator(self) -> Any:
        schema = json.loads((ROOT / "docs" / self.schema).read_text())
        return jsonschema.Draft202012Validator(schema)

    def refused(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads((CASES / self.cases).read_text())
        return found


CLUSTER = Format("cluster.json", parse_cluster, "cluster_config.schema.json", "cluster_refused.json")
JOBS = Format("search.json", partial(parse_jobs, code="x"), "jobs.schema.json", "jobs_refused.json")
FORMATS = (CLUSTER, JOBS)
REFUSED = [(file, case) for file in FORMATS for case in file.refused()]
NAMES = [f"{file.source}: {case['name']}" for file, case in REFUSED]


@pytest.mark.parametrize(("file", "case"), REFUSED, ids=NAMES)
def test_what_is_wrong_is_refused_with_its_place(file: Format, case: dict[str, Any]) -> None:
    with pytest.raises(ConfigError) as caught:
        file.parse(json.dumps(case["value"]), file.source)
    assert (caught.value.source, caught.value.place) == (file.source, case["place"])
    assert case["says"] in caught.value.problem


@pytest.mark.parametrize(("file", "case"), REFUSED, ids=NAMES)
def test_the_schema_refuses_what_it_can_see(file: Format, case: dict[str, Any]) -> None:
    assert file.validator().is_valid(case["value"]) is not case["schema"]


@pytest.mark.parametrize("file", FORMATS, ids=lambda file: file.schema)
def test_the_schema_is_a_schema(file: Format) -> None:
    jsonschema.Draft202012Validator.check_schema(file.validator().schema)
