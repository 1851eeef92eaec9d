"""The jobs of a file, and more of them."""

from __future__ import annotations

from master.specs import BaseModelSpec, JobSpec, JobsSpec

X, Y = BaseModelSpec("x", {"w": 1}), BaseModelSpec("y", {"w": 2})


def spec(*jobs: tuple[str, BaseModelSpec | None]) -> JobsSpec:
    found = tuple(JobSpec(f"alpha/{name}", name, {}, "job 1", base) for name, base in jobs)
    return JobsSpec(found, "jobs.json", {base.spec_hash: base for _, base in jobs if base})


def test_each_job_is_there_once_and_the_first_file_says_how() -> None:
    found = spec(("a", X), ("b", None)).with_more(spec(("b", Y), ("c", Y)))
    assert [job.job_hash for job in found.jobs] == ["a", "b", "c"]
    assert (found.jobs[1].base_model, list(found.base_models)) == (None, ["y", "x"])


def test_what_is_known_is_left_out_with_base_models_that_nobody_else_needs() -> None:
    found = spec(("a", X), ("b", Y)).without({"a"})
    assert ([job.job_hash for job in found.jobs], found.base_models) == (["b"], {"y": Y})
