"""What the plan says of jobs that train at once."""

from __future__ import annotations

from typing import Any

from master.core.planning.fusing.notes import notes_on_fusing
from master.core.planning.generations.lineages import LineageStage, lineage_of
from master.core.planning.job_shape import ANY_JOB
from master.core.planning.plan import make_plan
from master.specs import Fused, JobSpec, JobsSpec, base_models_of

FUSED = Fused(frozenset({"lr", "fold"}), ("hidden",), frozenset({"cpu"}))


def jobs(*configs: dict[str, Any], fused: Fused | None = FUSED) -> JobsSpec:
    made = [JobSpec(f"job{n}", f"h{n}", config, f"job {n}", fused=fused) for n, config in enumerate(configs)]
    return JobsSpec(tuple(made), "jobs.json")


def notes(given: JobsSpec, executor: str | None = None) -> list[str]:
    return [*notes_on_fusing(given, make_plan(given, {}), executor)]


def test_the_plan_says_how_many_and_how_to_have_it_otherwise() -> None:
    given = jobs(*({"lr": n, "hidden": 8} for n in range(5)))
    assert notes(given) == [
        "fuse: 5 jobs train at once where slots are few, up to 5 in one process",
        "fuse: what trains at once may differ in fold, lr; `fuse: off` trains each alone",
        "fuse: on a GPU results agree with those of jobs alone to rounding; `fuse: off` gives equal bits",
    ]


def test_where_results_agree_only_to_rounding_is_told() -> None:
    rates = [{"lr": 1}, {"lr": 2}]
    nowhere, everywhere = (Fused(frozenset({"lr"}), (), frozenset(of)) for of in ((), ("cpu", "gpu")))
    told = "fuse: on a CPU and on a GPU results agree with those of jobs alone to rounding"
    assert notes(jobs(*rates, fused=nowhere))[-1] == f"{told}; `fuse: off` gives equal bits"
    assert not any("rounding" in line for line in notes(jobs(*rates, fused=everywhere)))
    alone = [{**fields, "fuse": "off"} for fields in rates]
    assert notes(jobs(*alone, fused=nowhere)) == []


def test_what_parts_jobs_is_told() -> None:
    given = jobs(*({"lr": n, "hidden": n % 2, "fuse": 2} for n in range(6)))
    assert notes(given)[0] == (
        "fuse: 6 jobs train at once where slots are few, up to 2 in one process, in 2 kinds"
    )
    assert notes(given)[-1] == "fuse: hidden has 2 values, and jobs that differ in it cannot train at once"


def test_nothing_is_said_where_nothing_is_asked() -> None:
    assert notes(jobs({"lr": 1}, {"lr": 2}, fused=None)) == []
    assert notes(jobs({"lr": 1, "fuse": "off"}, {"lr": 2, "fuse": "off"})) == []
    assert notes(jobs({"fuse": "auto"}, fused=None)) == []


def test_what_asks_in_vain_is_told_why() -> None:
    given = jobs({"fuse": 4}, {"fuse": 4}, {"lr": 1}, fused=None)
    ask = "fuse: 2 jobs ask to train at once with others; they train alone"
    assert notes(given) == [f"{ask}, as their program does not say which of its jobs can"]
    assert notes(given, "warm") == [f"{ask}, by --executor warm"]


def test_each_generation_is_told_by_itself() -> None:
    stages = [LineageStage("everyone", frozenset({"lr"})), LineageStage("group", frozenset({"site"}))]
    configs = [{"lr": lr, "site": site, "seed": seed} for lr in (1, 2) for site in "xyz" for seed in (0, 1)]
    fused = Fused(frozenset({"lr", "site", "seed"}))
    made = [
        JobSpec(f"job{n}", f"h{n}", each, f"job {n}", lineage_of(each, "c", stages, ANY_JOB), fused=fused)
        for n, each in enumerate(configs)
    ]
    told = notes(JobsSpec(tuple(made), "jobs.json", base_models_of(made)))
    assert [line.partition(" train")[0] for line in told[:3]] == [
        "fuse: 2 base models of the stage everyone",
        "fuse: 6 base models of the stage group",
        "fuse: 12 jobs",
    ]
